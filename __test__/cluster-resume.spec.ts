/** A page that loses its process goes on at another one, or at its successor, where it was. */
import type { Evaluator } from './support/evaluator';
import { allKnow, join, lastIdOf, launch, open, sharedRedis, storyOf, told } from './support/nodes';
import type { RawClient } from './support/raw-client';
import { until } from './support/until';

const redis = sharedRedis();

/** Everything that ada's page may see, and something that it may not. */
const sendAll = (node: Evaluator, first: number): Promise<number> =>
  node.evaluate(({ sse }, first) => {
    sse.sendToUser('ada', { event: 'user', data: first });
    sse.sendToUser('grace', { event: 'other', data: first });
    sse.sendToClient('tab', { event: 'client', data: first + 1 });
    sse.sendToClient('tab2', { event: 'other', data: first });
    return sse.broadcast({ event: 'all', data: first + 2 });
  }, first);

const ALL = (first: number): string[] => [`user ${first}`, `client ${first + 1}`, `all ${first + 2}`];

/** A page gets `ALL(1)`. When `ALL(10)` has been sent as well, and is in Redis, this returns the last id before that. */
async function missAll(node: Evaluator): Promise<string> {
  const page = await open(node, 'ada', 'tab');
  await sendAll(node, 1);
  await told(page, 'all 3');
  const lastEventId = lastIdOf(page);
  await sendAll(node, 10);
  await node.evaluate(({ sse }) => sse.flush());
  return lastEventId;
}

test('a page of a killed process resumes exactly at another', async () => {
  const [a, b] = [await join(redis.url), await join(redis.url)];
  const [page, witness] = [await open(a, 'ada', 'tab'), await open(b, 'ada', 'witness')];
  await open(b, 'grace', 'tab2');
  await allKnow([a, b], ['tab', 'tab2', 'witness']);
  await sendAll(a, 1);
  await told(page, 'all 3');
  const lastEventId = lastIdOf(page);
  await a.stop('SIGKILL');
  await until('the page to notice', () => page.ended);
  await sendAll(b, 10);
  const again = await open(b, 'ada', 'tab', lastEventId);
  expect(await again.ready()).toMatchObject({ clientId: 'tab', userId: 'ada', resumed: true });
  await told(again, 'all 12');
  await sendAll(b, 20);
  await told(again, 'all 22');
  await told(witness, 'all 22');
  expect([...storyOf(page), ...storyOf(again)]).toEqual([...ALL(1), ...ALL(10), ...ALL(20)]);
  const idsOf = (client: RawClient, name: string) =>
    client.events().flatMap(({ event, id }) => (event === name ? [id] : []));
  for (const name of ['user', 'all']) {
    expect([...idsOf(page, name), ...idsOf(again, name)]).toEqual(idsOf(witness, name));
  }
});

test('flushed events survive the process that sent them', async () => {
  const [a, b] = [await join(redis.url), await join(redis.url)];
  const page = await open(b, 'ada', 'tab');
  await allKnow([a], ['tab']);
  await a.evaluate(async ({ sse }) => {
    for (let i = 0; i < 500; i += 1) sse.sendToUser('ada', { event: 'step', data: i });
    await sse.flush();
  });
  await a.stop('SIGKILL');
  const events = await page.next(500);
  expect(events.map(({ data }) => Number(data))).toEqual(Array.from({ length: 500 }, (_, i) => i));
});

test('a page resumes at a process that started later', async () => {
  const a = await join(redis.url);
  const lastEventId = await missAll(a);
  const b = await join(redis.url);
  const again = await open(b, 'ada', 'tab', lastEventId);
  expect(await again.ready()).toMatchObject({ resumed: true });
  await told(again, 'all 12');
  expect(storyOf(again)).toEqual(ALL(10));
});

/** The first events of a page whose request to `createSSERoute` is the first in this process. */
const firstFromRoute = (
  node: Evaluator,
  headers: Record<string, string>,
  count: number,
  query = '',
): Promise<string[]> =>
  node.evaluate(
    async ({ require }, headers, count, query) => {
      const { createSSERoute } = require('ssekit/next');
      const { GET } = createSSERoute({ identify: () => ({ userId: 'ada', clientId: 'tab' }) });
      const response: Response = await GET(new Request(`http://localhost/api/sse${query}`, { headers }));
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      const [events, decoder]: [string[], TextDecoder] = [[], new TextDecoder()];
      let rest = '';
      while (events.length < count) {
        const { value, done } = await reader.read();
        if (done) break;
        const parts = (rest + decoder.decode(value, { stream: true })).split('\n\n');
        rest = parts.pop() as string;
        for (const part of parts) {
          const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(part)?.[1];
          events.push(`${field('event')} ${field('data')}`);
        }
      }
      await reader.cancel();
      return events;
    },
    headers,
    count,
    query,
  );

test('a page resumes at a createSSERoute that has just started', async () => {
  const a = await join(redis.url);
  const lastEventId = await missAll(a);
  await a.stop('SIGKILL');
  for (let times = 0; times < 3; times += 1) {
    // Nobody has used its hub: this request starts it.
    const b = await launch(redis.url);
    const [ready, ...events] = await firstFromRoute(b, { 'last-event-id': lastEventId }, 4);
    expect(ready).toMatch(/^ssekit:ready .*"resumed":true/);
    expect(events).toEqual(ALL(10));
    await b.stop();
  }
});

test('a page begins at its snapshot at a createSSERoute that has just started', async () => {
  const a = await join(redis.url);
  await a.evaluate(({ sse }) => sse.broadcast({ event: 'all', data: 'in the page' }));
  await a.evaluate(({ sse }) => sse.flush());
  const since = await a.evaluate(({ sse }) => sse.cursor());
  await a.evaluate(({ sse }) => {
    sse.sendToUser('ada', { event: 'user', data: 1 });
    sse.sendToUser('grace', { event: 'other', data: 2 });
    sse.broadcast({ event: 'all', data: 3 });
  });
  await a.evaluate(({ sse }) => sse.flush());
  await a.stop('SIGKILL');
  for (let times = 0; times < 3; times += 1) {
    // Nobody has used its hub: this request starts it.
    const b = await launch(redis.url);
    const [ready, ...events] = await firstFromRoute(b, {}, 3, `?since=${since}`);
    expect(ready).toMatch(/^ssekit:ready .*"resumed":false/);
    expect(events).toEqual(['user 1', 'all 3']);
    await b.stop();
  }
});

test('a request for a stream does not wait out an outage', async () => {
  const a = await join(redis.url);
  await sendAll(a, 1);
  const page = await open(a, 'ada', 'tab');
  const lastEventId = lastIdOf(page);
  await redis.kill();
  const b = await launch(redis.url);
  const [ready, reset] = await firstFromRoute(b, { 'last-event-id': lastEventId }, 2);
  expect(ready).toMatch(/^ssekit:ready .*"resumed":false/);
  expect(reset).toMatch(/^ssekit:reset /);
  await redis.restart();
});

test('a drained process leaves the cluster at once', async () => {
  // So long that it cannot be the lease.
  const backplane = { leaseMs: 3_600_000 };
  const drain = { windowMs: 100, retryMs: 100 };
  const [a, b] = [await join(redis.url, { backplane, drain }), await join(redis.url, { backplane })];
  const page = await open(a, 'ada', 'tab');
  await open(b, 'grace', 'tab2');
  await allKnow([a, b], ['tab', 'tab2']);
  await sendAll(b, 1);
  await told(page, 'all 3');
  const ended = a.stop('SIGTERM');
  await until('the farewell', () => page.ended);
  const farewell = page.events().at(-1);
  expect(farewell?.event).toBe('ssekit:drain');
  await sendAll(b, 10);
  await ended;
  expect(a.ended).toBe('SIGTERM');
  await allKnow([b], ['tab2']);
  await until('the node to be gone', async () => (await b.evaluate(({ sse }) => sse.stats().cluster?.nodes)) === 0);
  const again = await open(b, 'ada', 'tab', farewell?.id);
  expect(await again.ready()).toMatchObject({ resumed: true });
  await told(again, 'all 12');
  expect(storyOf(again)).toEqual(ALL(10));
});
