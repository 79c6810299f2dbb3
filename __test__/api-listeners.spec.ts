/** `on` and `off`: listeners learn about each client's arrival and departure once, with the reason. */
import type { DisconnectReason } from '../index';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { closeClients, RawClient } from './support/raw-client';
import { openStream, startWith, TRANSPORTS } from './support/transports';
import { until } from './support/until';

afterEach(closeClients);
afterAll(stopEvaluators);

/** Collects the notices of its listeners in `state.told`. */
const listen = (server: Evaluator): Promise<unknown> =>
  server.evaluate(({ sse, state }) => {
    state.told = [];
    sse.on('connect', (client) => state.told.push({ type: 'connect', ...client }));
    sse.on('disconnect', (client) => state.told.push({ type: 'disconnect', ...client }));
    sse.on('error', (error) => state.told.push({ type: 'error', message: error.message }));
  });

describe.each(TRANSPORTS)('over %s', (transport) => {
  let server: Evaluator;
  beforeAll(async () => {
    server = await startWith(transport);
    await listen(server);
  });
  beforeEach(async () => {
    await server.evaluate(({ state }) => {
      state.told.length = 0;
    });
  });

  /** All notices, once there are at least `count`. A last client shows that no more follow. */
  async function told(count: number): Promise<unknown[]> {
    await until(`${count} notices`, () => server.evaluate(({ state }, count) => state.told.length >= count, count));
    await server.evaluate(async ({ sse }) => {
      const response = sse.connect(new Request('http://localhost/'), { userId: 'last', clientId: 'last' });
      await response.body?.cancel();
    });
    const type = 'disconnect';
    await until('the last', () =>
      server.evaluate(
        ({ state }, type) => state.told.at(-1)?.type === type && state.told.at(-1).clientId === 'last',
        type,
      ),
    );
    const all: { clientId?: string }[] = await server.evaluate(({ state }) => state.told);
    return all.filter(({ clientId }) => clientId !== 'last');
  }

  const ENDS: [DisconnectReason, string, (client: RawClient) => unknown][] = [
    ['peer', 'the peer closes', (client) => client.end()],
    ['peer', 'the peer resets', (client) => client.reset()],
    ['server', 'the client is disconnected', () => server.evaluate(({ sse }) => sse.disconnectClient('tab'))],
    ['server', 'its user is disconnected', () => server.evaluate(({ sse }) => sse.disconnectUser('ada'))],
  ];

  test.each(ENDS)('the reason is %s when %s', async (reason, _, end) => {
    const client = await openStream(server, transport, { path: '/sse?userId=ada&clientId=tab' });
    await end(client);
    const who = { clientId: 'tab', userId: 'ada' };
    expect(await told(2)).toEqual([
      { type: 'connect', ...who },
      { type: 'disconnect', ...who, reason },
    ]);
  });

  test('the reason is replaced when a newer connection takes its place', async () => {
    await openStream(server, transport, { path: '/sse?userId=ada&clientId=tab' });
    const newer = await openStream(server, transport, { path: '/sse?userId=ada&clientId=tab' });
    newer.end();
    const who = { clientId: 'tab', userId: 'ada' };
    const all = await told(4);
    expect(all.filter((notice) => (notice as { type: string }).type === 'connect')).toEqual([
      { type: 'connect', ...who },
      { type: 'connect', ...who },
    ]);
    expect(all.filter((notice) => (notice as { type: string }).type === 'disconnect')).toEqual([
      { type: 'disconnect', ...who, reason: 'replaced' },
      { type: 'disconnect', ...who, reason: 'peer' },
    ]);
  });

  test('many clients each cause one event', async () => {
    const clients = await Promise.all(
      Array.from({ length: 40 }, (_, n) => RawClient.stream(server.port, { path: `/sse?clientId=c${n}` })),
    );
    for (const client of clients) client.reset();
    const all = await told(80);
    expect(all).toHaveLength(80);
    expect(new Set(all.map((notice) => JSON.stringify(notice))).size).toBe(80);
  });
});

describe('listeners, with on and off,', () => {
  let server: Evaluator;
  beforeEach(async () => {
    server = await Evaluator.start();
    await server.evaluate(({ sse, state }) => {
      // A client that comes and goes, and what the listeners were told until they were told of it.
      state.clientComesAndGoes = async () => {
        const gone = new Promise((resolve) => {
          const listener = (): void => {
            sse.off('disconnect', listener);
            resolve(undefined);
          };
          sse.on('disconnect', listener);
        });
        const response = sse.connect(new Request('http://localhost/'), { anonymous: true });
        await response.body?.cancel();
        await gone;
      };
    });
  });

  test('are chained, and a listener is called once for each time it was added', async () => {
    const calls = await server.evaluate(async ({ sse, state }) => {
      const calls: string[] = [];
      const [one, two] = [() => calls.push('one'), () => calls.push('two')];
      const chained = sse.on('connect', one).on('connect', two).on('connect', one).off('connect', two) === sse;
      await state.clientComesAndGoes();
      sse.off('connect', one);
      await state.clientComesAndGoes();
      sse.off('connect', one).off('connect', one);
      await state.clientComesAndGoes();
      sse.on('connect', two);
      await state.clientComesAndGoes();
      return [chained, ...calls];
    });
    expect(calls).toEqual([true, 'one', 'one', 'one', 'two']);
  });

  test('are never called inside the call that they report', async () => {
    const order = await server.evaluate(async ({ sse, state }) => {
      const order: string[] = [];
      sse.on('connect', () => order.push('connect'));
      sse.on('disconnect', () => order.push('disconnect'));
      const response = sse.connect(new Request('http://localhost/'), { anonymous: true, clientId: 'tab' });
      order.push('after connect');
      sse.disconnectClient('tab');
      order.push('after disconnectClient');
      await state.clientComesAndGoes();
      await response.body?.cancel();
      return order.slice(0, 4);
    });
    expect(order).toEqual(['after connect', 'after disconnectClient', 'connect', 'disconnect']);
  });

  test('may throw: that is an uncaught exception, and affects nothing else', async () => {
    const seen = await server.evaluate(async ({ sse, state, require }) => {
      const process: NodeJS.Process = require('node:process');
      const seen = { uncaught: [] as string[], connects: 0 };
      process.on('uncaughtException', (error) => seen.uncaught.push(error.message));
      sse.on('connect', () => {
        seen.connects += 1;
        throw new Error(`mine, ${seen.connects}`);
      });
      for (let client = 0; client < 3; client += 1) await state.clientComesAndGoes();
      return { ...seen, active: sse.getActiveClients(), sent: sse.broadcast({ event: 'x', data: 1 }) };
    });
    expect(seen).toEqual({ uncaught: ['mine, 1', 'mine, 2', 'mine, 3'], connects: 3, active: [], sent: 0 });
  });

  test('end the process by an unhandled error, as with an EventEmitter', async () => {
    const last = server.evaluate(({ sse }) => {
      sse.on('connect', () => {
        throw new Error('nobody catches me');
      });
      sse.connect(new Request('http://localhost/'), { anonymous: true });
      return new Promise(() => {});
    });
    await expect(last).rejects.toThrow('the process has ended: 1');
    await until('its last words', () => server.stderr.includes('nobody catches me'));
    expect(server.stderr).toContain('Error: nobody catches me');
  });
});
