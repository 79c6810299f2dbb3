/** Streams that Node carries are served together, and still each on its own. */
import { BodyClient, closeBodyClients } from './support/body-client';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { until } from './support/until';

let server: Evaluator;

const open = (userId: string): Promise<BodyClient> => BodyClient.open('http', server.port, `/sse?userId=${userId}`);

beforeAll(async () => {
  server = await Evaluator.start({ transport: 'stream', heartbeatMs: 3_600_000 });
  // Each write to a response, with its turn of the event loop and whether the carrier asked for it.
  await server.evaluate(({ state, require }) => {
    const { ServerResponse } = require('node:http') as typeof import('node:http');
    Object.assign(state, { turn: 0, writes: [], unwanted: 0, unhandled: [] });
    const turn = (): void => {
      state.turn += 1;
      setImmediate(turn).unref();
    };
    turn();
    process.on('unhandledRejection', (error) => state.unhandled.push(String(error)));
    const write = ServerResponse.prototype.write as (this: unknown, ...args: unknown[]) => boolean;
    ServerResponse.prototype.write = function (this: InstanceType<typeof ServerResponse>, ...args: unknown[]) {
      if (this.req.url?.includes('mallory') && String(args[0]).includes('event: tick')) throw new Error('no');
      state.writes.push(state.turn);
      if (this.writableNeedDrain) state.unwanted += 1;
      return write.apply(this, args);
    };
  });
});
afterEach(closeBodyClients);
afterAll(stopEvaluators);

test('a large broadcast leaves Node time for other work', async () => {
  const clients = await Promise.all(Array.from({ length: 400 }, () => open('ada')));
  await until('all streams', () => server.evaluate(({ sse }) => sse.stats().transports.stream === 400));
  await server.evaluate(({ sse, state }) => {
    state.writes = [];
    sse.broadcast({ event: 'tick', data: 1 });
  });
  for (const client of clients) expect(await client.next(1)).toMatchObject([{ event: 'tick', data: '1' }]);
  const writes: number[] = await server.evaluate(({ state }) => state.writes);
  expect(writes).toHaveLength(400);
  const inTurn = (turn: number): number => writes.filter((other) => other === turn).length;
  // Two for each of 128: one that native code has asked for, and the one after it.
  expect(Math.max(...writes.map(inTurn))).toBeLessThanOrEqual(256);
});

test('a full carrier gets no more until it asks', async () => {
  const clients = await Promise.all(Array.from({ length: 100 }, () => open('ada')));
  await until('all streams', () => server.evaluate(({ sse }) => sse.stats().transports.stream === 100));
  await server.evaluate(async ({ sse }) => {
    for (let turn = 0; turn < 50; turn += 1) {
      for (let number = 0; number < 20; number += 1) sse.broadcast({ event: 'tick', data: 'x'.repeat(1_000) });
      await new Promise(setImmediate);
    }
  });
  for (const client of clients) expect(await client.next(1_000)).toHaveLength(1_000);
  expect(await server.evaluate(({ state }) => state.unwanted)).toBe(0);
});

test('a response that throws affects only its own client', async () => {
  const [ada, mallory, bob] = await Promise.all([open('ada'), open('mallory'), open('bob')]);
  await until('all streams', () => server.evaluate(({ sse }) => sse.stats().transports.stream === 3));
  await server.evaluate(({ sse }) => void sse.broadcast({ event: 'tick', data: 2 }));
  for (const client of [ada, bob]) expect(await client?.next(1)).toMatchObject([{ event: 'tick', data: '2' }]);
  await until('the end of the other', () => mallory?.isComplete ?? false);
  expect(await server.evaluate(({ state }) => state.unhandled)).toEqual(['Error: no']);
  expect(
    await server.evaluate(({ sse }) => [sse.getClientsByUser('mallory').length, sse.getActiveClients().length]),
  ).toEqual([0, 2]);
});
