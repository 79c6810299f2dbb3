/** Redis dies, and comes back: nobody is kept waiting, nothing is lost, nothing comes twice. */
import { type Evaluator, stopEvaluators } from './support/evaluator';
import { allKnow, errorsOf, join, lastIdOf, launch, linkIs, open, storyOf, told } from './support/nodes';
import { closeClients, type RawClient } from './support/raw-client';
import { Redis, stopRedis } from './support/redis';
import { until } from './support/until';

afterEach(async () => {
  closeClients();
  await stopEvaluators();
  await stopRedis();
});

/** Each broadcasts one event after the other until it gets the word to stop. */
const startSending = (node: Evaluator, name: string): Promise<void> =>
  node.evaluate(({ sse, state }, name) => {
    state.sent = 0;
    state.timer = setInterval(() => sse.broadcast({ event: name, data: state.sent++ }), 2);
  }, name);

const sentBy = (node: Evaluator): Promise<number> => node.evaluate(({ state }) => state.sent);

const stopSending = (node: Evaluator): Promise<number> =>
  node.evaluate(async ({ sse, state }) => {
    clearInterval(state.timer);
    await sse.flush();
    return state.sent;
  });

async function sendsMore(nodes: Evaluator[], more: number): Promise<void> {
  for (const node of nodes) {
    const before = await sentBy(node);
    await until('more events', async () => (await sentBy(node)) >= before + more);
  }
}

/** Everything from each sender once, in the sender's order. */
function expectAll(client: RawClient, counts: Record<string, number>): void {
  const events = client.events().filter(({ event }) => event !== 'ssekit:ready');
  for (const [name, count] of Object.entries(counts)) {
    const numbers = events.filter(({ event }) => event === name).map(({ data }) => Number(data));
    expect(numbers).toEqual(Array.from({ length: count }, (_, i) => i));
  }
  expect(new Set(events.map(({ event }) => event))).toEqual(new Set(Object.keys(counts)));
}

const isReset = (line: string): boolean => line.startsWith('ssekit:reset ');

/** Waits until each has been told of a gap: what is sent from here on comes behind that. */
async function allReset(tabs: RawClient[]): Promise<void> {
  for (const tab of tabs) await until('ssekit:reset', () => storyOf(tab).some(isReset));
}

const DOWN = /^the backplane cannot be used, ssekit keeps trying: Redis/;
const BACK = 'the backplane can be used again';

describe.each(['deliver', 'wait'] as const)('whenDown: %s', (whenDown) => {
  test('a Redis restart with its data loses and repeats nothing', async () => {
    const redis = await Redis.start({ appendonly: true });
    const nodes = await Promise.all(['a', 'b'].map(() => join(redis.url, { backplane: { whenDown } })));
    const [a, b] = nodes as [Evaluator, Evaluator];
    const tabs = [await open(a, 'ada', 'tab-a'), await open(b, 'grace', 'tab-b')];
    await allKnow(nodes, ['tab-a', 'tab-b']);
    await Promise.all([startSending(a, 'a'), startSending(b, 'b')]);
    for (let times = 0; times < 2; times += 1) {
      await sendsMore(nodes, 50);
      await redis.kill();
      for (const node of nodes) await linkIs(node, 'down');
      await sendsMore(nodes, 50);
      await redis.restart();
      for (const node of nodes) await linkIs(node, 'up');
    }
    const [fromA, fromB] = [await stopSending(a), await stopSending(b)];
    for (const tab of tabs) {
      await Promise.all([told(tab, `a ${fromA - 1}`), told(tab, `b ${fromB - 1}`)]);
      expectAll(tab, { a: fromA, b: fromB });
    }
    for (const node of nodes) {
      const { cluster, resets } = await node.evaluate(({ sse }) => sse.stats());
      expect(cluster).toMatchObject({
        link: 'up',
        nodes: 1,
        clients: 1,
        buffered: 0,
        bufferedBytes: 0,
        dropped: 0,
        outages: 2,
      });
      expect(resets).toBe(0);
      const errors = await errorsOf(node);
      expect(errors.filter((error) => error === BACK)).toHaveLength(2);
      for (const error of errors.filter((error) => error !== BACK)) expect(error).toMatch(DOWN);
    }
  });
});

/** Everything that a caller may ask for while Redis is away, and how long the longest took, in milliseconds. */
const everyCall = (node: Evaluator) =>
  node.evaluate(({ sse }) => {
    let longest = 0;
    const timed = <T>(call: () => T): T => {
      const start = performance.now();
      const result = call();
      longest = Math.max(longest, performance.now() - start);
      return result;
    };
    const results = {
      user: timed(() => sse.sendToUser('ada', { event: 'user', data: 1 })),
      client: timed(() => sse.sendToClient('tab-b', { event: 'client', data: 2 })),
      all: timed(() => sse.broadcast({ event: 'all', data: 3 })),
      others: timed(() => sse.broadcast({ event: 'all', data: 4 }, 'tab-a')),
      active: timed(() => sse.getActiveClients().toSorted()),
      ofUser: timed(() => sse.getClientsByUser('ada')),
      online: timed(() => sse.isOnline('grace')),
    };
    for (let i = 0; i < 1_000; i += 1) timed(() => sse.sendToUser('nobody', { data: i }));
    return { results, longest };
  });

const KNOWN = { user: 1, client: true, all: 2, others: 1, active: ['tab-a', 'tab-b'], ofUser: ['tab-a'], online: true };

async function twoTabs(
  redis: Redis,
  whenDown?: 'wait',
): Promise<{ a: Evaluator; b: Evaluator; atA: RawClient; atB: RawClient }> {
  const backplane = { leaseMs: 3_600_000, ...(whenDown && { whenDown }) };
  const [a, b] = [await join(redis.url, { backplane }), await join(redis.url, { backplane })];
  const [atA, atB] = [await open(a, 'ada', 'tab-a'), await open(b, 'grace', 'tab-b')];
  await allKnow([a, b], ['tab-a', 'tab-b']);
  return { a, b, atA, atB };
}

test('an outage delays only the events of other processes', async () => {
  const redis = await Redis.start({ appendonly: true });
  const { a, b, atA, atB } = await twoTabs(redis);
  await redis.kill();
  await linkIs(a, 'down');
  const { results, longest } = await everyCall(a);
  expect(results).toEqual(KNOWN);
  // Nothing in there waits for Redis, which takes seconds to be given up.
  expect(longest).toBeLessThan(1_000);
  await told(atA, 'all 3');
  const thrown = await a.thrownBy(({ sse }) => sse.flush());
  expect(thrown).toMatchObject({ class: 'Error', code: 'ERR_SSEKIT_BACKPLANE' });
  expect(thrown.message).toMatch(/^1,004 events wait for the backplane: Redis at 127\.0\.0\.1:\d+: .*refused/);
  expect([storyOf(atA), storyOf(atB)]).toEqual([['user 1', 'all 3'], []]);
  const cluster = await a.evaluate(({ sse }) => sse.stats().cluster);
  expect(cluster).toMatchObject({ link: 'down', nodes: 1, clients: 1, buffered: 1_004, dropped: 0, outages: 1 });
  expect(await b.evaluate(({ sse }) => sse.stats().cluster?.buffered)).toBe(0);
  await redis.restart();
  await a.evaluate(({ sse }) => sse.flush());
  await told(atB, 'all 4');
  expect([storyOf(atA), storyOf(atB)]).toEqual([
    ['user 1', 'all 3'],
    ['client 2', 'all 3', 'all 4'],
  ]);
});

test('with whenDown wait, all events wait for Redis', async () => {
  const redis = await Redis.start({ appendonly: true });
  const { a, b, atA, atB } = await twoTabs(redis, 'wait');
  await redis.kill();
  for (const node of [a, b]) await linkIs(node, 'down');
  expect((await everyCall(a)).results).toEqual(KNOWN);
  await b.evaluate(({ sse }) => sse.broadcast({ event: 'all', data: 5 }));
  // The rejection takes a while.
  expect(await a.thrownBy(({ sse }) => sse.flush())).toMatchObject({ code: 'ERR_SSEKIT_BACKPLANE' });
  expect([storyOf(atA), storyOf(atB)]).toEqual([[], []]);
  await redis.restart();
  for (const node of [a, b]) await node.evaluate(({ sse }) => sse.flush());
  await a.evaluate(({ sse }) => sse.broadcast({ event: 'end', data: 0 }));
  for (const tab of [atA, atB]) await told(tab, 'end 0');
  const common = (tab: RawClient) => storyOf(tab).filter((line) => !['user 1', 'client 2', 'all 4'].includes(line));
  expect(common(atA).toSorted()).toEqual(['all 3', 'all 5', 'end 0']);
  expect(common(atA)).toEqual(common(atB));
  expect(storyOf(atA).filter((line) => line !== 'all 5')).toEqual(['user 1', 'all 3', 'end 0']);
  expect(lastIdOf(atA)).toBe(lastIdOf(atB));
});

test('a log-out in an outage works here at once, elsewhere later', async () => {
  const redis = await Redis.start({ appendonly: true });
  const { a, b, atA, atB } = await twoTabs(redis);
  const alsoAda = await open(b, 'ada', 'tab-b2');
  await allKnow([a, b], ['tab-a', 'tab-b', 'tab-b2']);
  await redis.kill();
  for (const node of [a, b]) await linkIs(node, 'down');
  expect(await a.evaluate(({ sse }) => sse.disconnectUser('ada'))).toBe(2);
  await until('the end here', () => atA.ended);
  await b.evaluate(({ sse }) => sse.broadcast({ event: 'still', data: 1 }));
  await told(alsoAda, 'still 1');
  expect(alsoAda.ended).toBe(false);
  await redis.restart();
  await until('the end there', () => alsoAda.ended);
  expect(atB.ended).toBe(false);
  await allKnow([a, b], ['tab-b']);
});

test('an id of the outage resumes at its own process only', async () => {
  const redis = await Redis.start({ appendonly: true });
  const { a, b, atA } = await twoTabs(redis);
  await a.evaluate(({ sse }) => sse.broadcast({ event: 'all', data: 1 }));
  await told(atA, 'all 1');
  await redis.kill();
  for (const node of [a, b]) await linkIs(node, 'down');
  await a.evaluate(({ sse }) => sse.broadcast({ event: 'all', data: 2 }));
  await told(atA, 'all 2');
  const lastEventId = lastIdOf(atA);
  atA.destroy();
  await a.evaluate(({ sse }) => sse.broadcast({ event: 'all', data: 3 }));
  const back = await open(a, 'ada', 'tab-a', lastEventId);
  expect(await back.ready()).toMatchObject({ resumed: true });
  await told(back, 'all 3');
  const moved = await open(b, 'ada', 'tab-moved', lastEventId);
  await moved.next(1);
  expect(storyOf(moved)[0]).toMatch(/^ssekit:reset /);
  await redis.restart();
  for (const node of [a, b]) await node.evaluate(({ sse }) => sse.flush());
  await b.evaluate(({ sse }) => sse.broadcast({ event: 'end', data: 0 }));
  await told(back, 'end 0');
  expect(storyOf(back)).toEqual(['all 3', 'end 0']);
  const after = await open(a, 'ada', 'tab-again', lastEventId);
  await told(after, 'end 0');
  expect(storyOf(after)).toEqual(['all 3', 'end 0']);
});

test('a full buffer drops the oldest and resets every client', async () => {
  const redis = await Redis.start({ appendonly: true });
  const backplane = { maxBufferedEvents: 10 };
  const [a, b] = [await join(redis.url, { backplane }), await join(redis.url)];
  const [atA, atB] = [await open(a, 'ada', 'tab-a'), await open(b, 'grace', 'tab-b')];
  await redis.kill();
  for (const node of [a, b]) await linkIs(node, 'down');
  await a.evaluate(({ sse }) => {
    for (let i = 0; i < 25; i += 1) sse.broadcast({ event: 'all', data: i });
  });
  await told(atA, 'all 24');
  expect(await a.evaluate(({ sse }) => sse.stats().cluster)).toMatchObject({ dropped: 15 });
  await redis.restart();
  await allReset([atA, atB]);
  await a.evaluate(({ sse }) => sse.broadcast({ event: 'end', data: 0 }));
  for (const tab of [atA, atB]) await told(tab, 'end 0');
  // A reset stands for everything up to it, what was not dropped included: the page fetches its state anew.
  const [reset, ...rest] = storyOf(atB);
  expect(reset).toMatch(/^ssekit:reset /);
  const kept = Array.from({ length: 10 }, (_, i) => `all ${15 + i}`);
  expect([...kept, 'end 0'].slice(-rest.length)).toEqual(rest);
  const own = storyOf(atA);
  expect(own.filter((line) => line.startsWith('all '))).toEqual(Array.from({ length: 25 }, (_, i) => `all ${i}`));
  expect(own.filter((line) => line.startsWith('ssekit:reset'))).toHaveLength(1);
});

test('a Redis restart without its data resets every client', async () => {
  const redis = await Redis.start();
  const { a, b, atA, atB } = await twoTabs(redis, 'wait');
  await a.evaluate(({ sse }) => sse.broadcast({ event: 'all', data: 1 }));
  for (const tab of [atA, atB]) await told(tab, 'all 1');
  const before = lastIdOf(atB);
  await redis.kill();
  for (const node of [a, b]) await linkIs(node, 'down');
  await a.evaluate(({ sse }) => sse.broadcast({ event: 'all', data: 2 }));
  await redis.restart();
  await allReset([atA, atB]);
  await a.evaluate(({ sse }) => sse.broadcast({ event: 'end', data: 0 }));
  for (const tab of [atA, atB]) {
    await told(tab, 'end 0');
    // A reset stands for everything up to it: what waited comes behind it, or with it.
    const story = storyOf(tab).filter((line) => line !== 'all 2');
    expect(story).toEqual(['all 1', expect.stringMatching(/^ssekit:reset /), 'end 0']);
    expect(storyOf(tab).length).toBeLessThanOrEqual(4);
  }
  expect(lastIdOf(atA)).toBe(lastIdOf(atB));
  expect(lastIdOf(atA).split('.')[0]).not.toBe(before.split('.')[0]);
  const late = await open(b, 'ada', 'late', before);
  await late.next(1);
  expect(storyOf(late)[0]).toMatch(/^ssekit:reset /);
  await allKnow([a, b], ['tab-a', 'tab-b', 'late']);
});

test('a process started in an outage serves clients and joins later', async () => {
  const redis = await Redis.start();
  await redis.kill();
  const node = await launch(redis.url);
  const tab = await open(node, 'ada', 'tab');
  await linkIs(node, 'down');
  await node.evaluate(({ sse }) => sse.broadcast({ event: 'all', data: 1 }));
  await told(tab, 'all 1');
  expect(await node.evaluate(({ sse }) => sse.ready())).toBe(false);
  expect(await errorsOf(node)).toEqual([expect.stringMatching(/^the backplane cannot be used.*refused/)]);
  await redis.restart();
  await linkIs(node, 'up');
  expect(await node.evaluate(({ sse }) => sse.ready())).toBe(true);
  const other = await join(redis.url);
  await other.evaluate(({ sse }) => sse.broadcast({ event: 'all', data: 2 }));
  await told(tab, 'all 2');
  await other.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'user', data: 3 }));
  await told(tab, 'user 3');
});

test('a Redis without memory is reported and does not stop delivery', async () => {
  const redis = await Redis.start({ appendonly: true });
  const { a, b, atA, atB } = await twoTabs(redis);
  await redis.command('CONFIG', 'SET', 'maxmemory', '1');
  await a.evaluate(({ sse }) => sse.broadcast({ event: 'all', data: 1 }));
  await told(atA, 'all 1');
  await linkIs(a, 'down');
  expect((await errorsOf(a)).join()).toMatch(/OOM/);
  expect(storyOf(atB)).toEqual([]);
  await redis.command('CONFIG', 'SET', 'maxmemory', '0');
  await a.evaluate(({ sse }) => sse.flush());
  await told(atB, 'all 1');
  await b.evaluate(({ sse }) => sse.broadcast({ event: 'end', data: 0 }));
  for (const tab of [atA, atB]) await told(tab, 'end 0');
  expect([storyOf(atA), storyOf(atB)]).toEqual([
    ['all 1', 'end 0'],
    ['all 1', 'end 0'],
  ]);
});
