/** Before its first client or event the hub has not started: questions and listeners change nothing, in whatever order they come. */
import { Evaluator, type Given, stopEvaluators } from './support/evaluator';
import { closeClients, RawClient } from './support/raw-client';
import { Redis, stopRedis } from './support/redis';
import { until } from './support/until';

afterEach(async () => {
  closeClients();
  await stopEvaluators();
  await stopRedis();
});

/** Nobody is there: a hub that joins it never gets in. */
const NOWHERE = 'redis://127.0.0.1:1';

/** Each is done to a hub that has had no client and no event. */
const NEUTRAL: [name: string, act: (given: Given) => unknown][] = [
  ['on()', ({ sse }) => void sse.on('connect', () => {})],
  ['on() and off()', ({ sse }) => void [sse.on('error', console.log), sse.off('error', console.log)]],
  ['stats()', ({ sse }) => sse.stats()],
  ['metrics()', ({ sse }) => sse.metrics()],
  ['ready()', ({ sse }) => sse.ready()],
  ['flush()', ({ sse }) => sse.flush()],
  ['isOnline()', ({ sse }) => sse.isOnline('ada')],
  ['getActiveClients()', ({ sse }) => sse.getActiveClients()],
  ['getClientsByUser()', ({ sse }) => sse.getClientsByUser('ada')],
  ['disconnectClient() of nobody', ({ sse }) => sse.disconnectClient('page-1')],
];

const configure = ({ SSEService }: Given, options: object): void => void SSEService.configure(options);

/** Whether the running hub has an option of `configure` below: an event of more bytes is refused. */
const BOUND = { maxEventBytes: 2_048 };

async function expectBound(node: Evaluator): Promise<void> {
  const thrown = await node.thrownBy(({ sse }) => sse.broadcast({ event: 'big', data: 'x'.repeat(3_000) }));
  expect(thrown).toMatchObject({ class: 'RangeError', code: 'ERR_SSEKIT_RANGE' });
}

test.each(NEUTRAL)('configure works after %s', async (_, act) => {
  const node = await Evaluator.start();
  await node.evaluate(act);
  await node.evaluate(configure, BOUND);
  await expectBound(node);
  // And now the hub has started.
  expect(await node.thrownBy(configure, { maxEventBytes: 4_096 })).toMatchObject({ code: 'ERR_SSEKIT_CONFIGURED' });
});

test.each(NEUTRAL.filter(([name]) => !name.startsWith('disconnect')))(
  'configure works after %s where the environment names a backplane',
  async (_, act) => {
    const redis = await Redis.start();
    const node = await Evaluator.start(undefined, { SSEKIT_REDIS_URL: redis.url });
    await node.evaluate(act);
    await node.evaluate(configure, BOUND);
    await expectBound(node);
    // It is one of several, by the options that it was given.
    expect(await node.evaluate(({ sse }) => sse.ready())).toBe(true);
    expect(await node.evaluate(({ sse }) => sse.stats().cluster?.link)).toBe('up');
  },
);

test('a pending ready() follows the configured hub', async () => {
  const redis = await Redis.start();
  const node = await Evaluator.start(undefined, { SSEKIT_REDIS_URL: NOWHERE });
  const joined = await node.evaluate(async ({ sse, SSEService }, url) => {
    const ready = sse.ready();
    SSEService.configure({ backplane: { redis: url } });
    sse.broadcast({ event: 'first', data: 1 });
    return ready;
  }, redis.url);
  expect(joined).toBe(true);
});

test('a replaced hub leaves the cluster', async () => {
  const redis = await Redis.start();
  const other = await Evaluator.start({ backplane: { redis: redis.url } });
  await other.evaluate(({ sse }) => sse.ready());
  const node = await Evaluator.start(undefined, { SSEKIT_REDIS_URL: redis.url });
  expect(await node.evaluate(({ sse }) => sse.ready())).toBe(true);
  const nodes = () => other.evaluate(({ sse }) => sse.stats().cluster?.nodes);
  await until('the node to be known', async () => (await nodes()) === 1);
  // Another app's: nothing of it is left at the first one.
  await node.evaluate(configure, { backplane: { redis: redis.url, prefix: 'elsewhere' } });
  await until('the node to be gone', async () => (await nodes()) === 0);
});

test('listeners added before the start get every event once', async () => {
  const node = await Evaluator.start();
  await node.evaluate(({ sse, SSEService, state }) => {
    state.told = [];
    sse.on('connect', ({ userId }) => state.told.push(`connect ${userId}`));
    sse.on('userOnline', ({ userId }) => state.told.push(`online ${userId}`));
    SSEService.configure({ presenceGraceMs: 100 });
  });
  await RawClient.stream(node.port, { path: '/sse?userId=ada' });
  const told = await until('both to be told', () =>
    node.evaluate(({ state }) => state.told.length >= 2 && (state.told as string[])),
  );
  expect(told).toEqual(['connect ada', 'online ada']);
});

test('listeners move to the hub that replaces a joined one', async () => {
  const redis = await Redis.start();
  const node = await Evaluator.start(undefined, { SSEKIT_REDIS_URL: redis.url });
  await node.evaluate(async ({ sse, SSEService, state }) => {
    state.told = [];
    sse.on('connect', ({ userId }) => state.told.push(userId));
    await sse.ready();
    SSEService.configure({ heartbeatMs: 1_000 });
  });
  await RawClient.stream(node.port, { path: '/sse?userId=ada' });
  const told = await until('it to be told', () =>
    node.evaluate(({ state }) => state.told.length > 0 && (state.told as string[])),
  );
  expect(told).toEqual(['ada']);
});

test('stats() and metrics() of a hub that has not started are zero', async () => {
  const node = await Evaluator.start();
  const [before, metrics] = await node.evaluate(({ sse }) => [sse.stats(), sse.metrics()] as const);
  const zero = (value: unknown): unknown =>
    value !== null && typeof value === 'object' ? Object.values(value).every(zero) : value === 0 || value === null;
  expect(zero({ ...before, epoch: null })).toBe(true);
  expect([before.epoch, before.cluster]).toEqual(['', null]);
  const after = await node.evaluate(({ sse }) => {
    sse.broadcast({ event: 'first', data: 1 });
    return [sse.stats(), sse.metrics()] as const;
  });
  expect(Object.keys(before)).toEqual(Object.keys(after[0]));
  expect(after[0].epoch).not.toBe('');
  const names = (text: string): string[] => text.match(/^# TYPE \S+/gm) ?? [];
  expect(names(metrics)).toEqual(names(after[1]));
  expect(metrics).toContain('\nssekit_connects_total 0\n');
});

test('a process that has not started yet reports that it joins', async () => {
  const node = await Evaluator.start(undefined, { SSEKIT_REDIS_URL: NOWHERE });
  const { cluster } = await node.evaluate(({ sse }) => sse.stats());
  expect(cluster).toMatchObject({ link: 'starting', nodes: 0, buffered: 0 });
});

test('listeners removed before the start leave nothing behind', async () => {
  const node = await Evaluator.start();
  const told = await node.evaluate(({ sse, state }) => {
    state.told = [];
    const listener = ({ clientId }: { clientId: string }): void => void state.told.push(clientId);
    for (let time = 0; time < 1_000; time += 1) sse.on('connect', listener).off('connect', listener);
    sse.on('connect', listener);
    return state.told;
  });
  expect(told).toEqual([]);
  await RawClient.stream(node.port, { path: '/sse?clientId=page-1' });
  await until('the client to be told', () => node.evaluate(({ state }) => state.told.length > 0));
  expect(await node.evaluate(({ state }) => state.told)).toEqual(['page-1']);
});

test('a log-out before the first client is remembered', async () => {
  const node = await Evaluator.start();
  const thrown = await node.thrownBy(({ sse, SSEService }) => {
    sse.disconnectUser('ada');
    SSEService.configure({ heartbeatMs: 1_000 });
  });
  expect(thrown.code).toBe('ERR_SSEKIT_CONFIGURED');
});
