/** A user who is logged out before entering stays out, however long the request waited and `identify` took. */
import { type Evaluator, type Given, stopEvaluators } from './support/evaluator';
import { join, open, sharedRedis } from './support/nodes';
import { closeClients } from './support/raw-client';
import { until } from './support/until';

const redis = sharedRedis();

afterEach(closeClients);
afterEach(stopEvaluators);

/** A route of `createSSERoute` whose `identify` looks for a session, and takes as long as the test wants. */
async function serveRoute(node: Evaluator): Promise<void> {
  await node.evaluate(({ require, state }) => {
    const { createSSERoute } = require('ssekit/next') as typeof import('../ts/next/index');
    state.session = 'ada';
    state.asked = 0;
    state.gate = Promise.resolve();
    const { GET } = createSSERoute({
      identify: async () => {
        state.asked += 1;
        const found = state.session;
        await state.gate;
        return found;
      },
    });
    state.get = (lastEventId?: string, signal?: AbortSignal, query = ''): Promise<Response> => {
      const headers = lastEventId ? { 'last-event-id': lastEventId } : undefined;
      return GET(new Request(`http://localhost/sse${query}`, { signal, headers }));
    };
  });
}

/** Begins a request, and says in `state.answer` what came of it. */
const begin = async ({ state }: Given, lastEventId?: string): Promise<void> => {
  state.answer = undefined;
  state.get(lastEventId).then(async (response: Response) => {
    state.answer = response.status;
    state.body = response.body;
  });
  await new Promise(setImmediate);
};

const answerOf = (node: Evaluator): Promise<number> =>
  until('an answer', () => node.evaluate(({ state }) => state.answer as number | undefined));

/** The id of an event that is `records` records ahead. */
const ahead = (node: Evaluator, records: number): Promise<string> =>
  node.evaluate(({ sse }, records) => {
    const { epoch, position } = sse.stats();
    return `${epoch}.${position + records * 2 ** 20}`;
  }, records);

test.each([
  ['its last event', (id: string) => [id]],
  ['its snapshot', (id: string) => [undefined, undefined, `?since=${id}`]],
])('a session that ends while its request waits for %s opens no stream', async (_, argumentsFor) => {
  const node = await join(redis.url);
  await serveRoute(node);
  await node.evaluate(({ sse }) => sse.broadcast({ event: 'first', data: 1 }));
  await node.evaluate(({ sse }) => sse.flush());
  // In one call, because the request does not wait for long: the node soon finds out that there is no such event yet.
  const before = await node.evaluate(
    async ({ sse, state }, args) => {
      state.get(...args).then((response: Response) => {
        state.answer = response.status;
      });
      await new Promise(setImmediate);
      const before = [state.asked, state.answer];
      state.session = null;
      sse.disconnectUser('ada');
      for (let number = 0; number < 3; number += 1) sse.broadcast({ event: 'next', data: number });
      return before;
    },
    argumentsFor(await ahead(node, 3)),
  );
  expect(before).toEqual([0, undefined]);
  expect(await answerOf(node)).toBe(401);
  expect(await node.evaluate(({ sse, state }) => [state.asked, sse.stats().connects])).toEqual([1, 0]);
});

/** Has a user logged out while `identify` has found the session and has not answered yet. */
async function logOutWhileAsked(node: Evaluator, logOut: () => Promise<unknown>): Promise<number> {
  await node.evaluate(({ state }) => {
    state.gate = new Promise((resolve) => {
      state.open = resolve;
    });
  });
  await node.evaluate(begin);
  expect(await node.evaluate(({ state }) => state.asked)).toBe(1);
  await logOut();
  await node.evaluate(({ state }) => state.open());
  return answerOf(node);
}

const disconnect = (node: Evaluator, user: string): Promise<number> =>
  node.evaluate(({ sse }, user) => sse.disconnectUser(user), user);

test('a user logged out during identify is refused and logged', async () => {
  const node = await join(redis.url);
  await serveRoute(node);
  expect(await logOutWhileAsked(node, () => disconnect(node, 'ada'))).toBe(401);
  expect(await node.evaluate(({ sse }) => [sse.stats().connects, sse.getClientsByUser('ada')])).toEqual([0, []]);
  await until('a line', () => node.stderr.includes('during `identify`'));
  // And comes in with the next session.
  await node.evaluate(begin);
  expect(await answerOf(node)).toBe(200);
});

test('a log-out at another process refuses the user, too', async () => {
  const [node, other] = [await join(redis.url), await join(redis.url)];
  await serveRoute(node);
  // It is gone when the order has come.
  const witness = await open(node, 'ada', 'witness');
  const logOut = async (): Promise<void> => {
    await disconnect(other, 'ada');
    await until('the order to come', () => witness.ended);
  };
  expect(await logOutWhileAsked(node, logOut)).toBe(401);
  expect(await node.evaluate(({ sse }) => sse.getClientsByUser('ada'))).toEqual([]);
});

test('the log-out of another user changes nothing', async () => {
  const node = await join(redis.url);
  await serveRoute(node);
  expect(await logOutWhileAsked(node, () => disconnect(node, 'bob'))).toBe(200);
  expect(await node.evaluate(({ sse }) => sse.getClientsByUser('ada'))).toHaveLength(1);
});

test('forged ids hold a limited number of requests', async () => {
  const node = await join(redis.url);
  await serveRoute(node);
  const forged = await ahead(node, 1e6);
  // Nobody can find out that there is no such event.
  await redis.command('CLIENT', 'PAUSE', '60000', 'WRITE');
  const [waiting, asked] = await node.evaluate(async ({ state }, forged) => {
    for (let number = 0; number < 1_024; number += 1) state.get(forged);
    await new Promise(setImmediate);
    const before = state.asked;
    for (let number = 0; number < 10; number += 1) state.get(forged);
    await new Promise(setImmediate);
    return [before, state.asked];
  }, forged);
  await redis.command('CLIENT', 'UNPAUSE');
  expect([waiting, asked]).toEqual([0, 10]);
});

test('a request stops waiting when its client leaves', async () => {
  const node = await join(redis.url);
  await serveRoute(node);
  const asked = await node.evaluate(
    async ({ state }, forged) => {
      const controller = new AbortController();
      const answer = state.get(forged, controller.signal);
      await new Promise(setImmediate);
      const before = state.asked;
      controller.abort();
      await answer;
      return [before, state.asked];
    },
    await ahead(node, 1e6),
  );
  expect(asked).toEqual([0, 1]);
});
