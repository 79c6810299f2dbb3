/** The graceful end: clients get a time to come back, and come back to the successor. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EventSource } from 'eventsource';
import { stopEvaluators } from './support/evaluator';
import { closeClients, RawClient } from './support/raw-client';
import { openStream, startWith, TRANSPORTS } from './support/transports';
import { until } from './support/until';

afterEach(async () => {
  closeClients();
  await stopEvaluators();
});

describe.each(TRANSPORTS)('over %s', (transport) => {
  test('everybody gets earlier events, the farewell and a proper end', async () => {
    const server = await startWith(transport);
    const clients = [];
    for (let number = 0; number < 20; number += 1) clients.push(await openStream(server, transport));
    await server.evaluate(async ({ sse }) => {
      sse.broadcast({ event: 'before', data: 1 });
      const draining = sse.drain({ windowMs: 100, retryMs: 500 });
      sse.broadcast({ event: 'perhaps', data: 2 });
      await draining;
      sse.broadcast({ event: 'after', data: 3 });
    });
    for (const client of clients) {
      await until('the end', () => client.isComplete);
      const events = client.events().map(({ event }) => event);
      expect(events.filter((event) => event !== 'perhaps')).toEqual(['ssekit:ready', 'before', 'ssekit:drain']);
      const farewell = client.events().at(-1);
      const { reconnectInMs } = JSON.parse(farewell?.data ?? '{}');
      expect(reconnectInMs).toBeGreaterThanOrEqual(500);
      expect(reconnectInMs).toBeLessThanOrEqual(1_000);
      expect(farewell?.retry).toBe(reconnectInMs);
    }
    const stats = await server.evaluate(({ sse }) => sse.stats());
    expect([stats.clients, stats.disconnects.drained]).toEqual([0, 20]);
  });

  test('an arrival during the drain gets a retry time', async () => {
    const server = await startWith(transport);
    await server.evaluate(({ sse }) => sse.drain({ windowMs: 0 }));
    const client = await RawClient.request(server.port, {});
    await until('the end', () => client.ended);
    expect(client.status).toBe(200);
    expect(client.headerLines).toContain('connection: close');
    expect(client.headerLines).toContain('content-type: text/event-stream; charset=utf-8');
    expect(client.events()).toMatchObject([{ event: 'ssekit:drain', retry: expect.any(Number) }]);
    const stats = await server.evaluate(({ sse }) => sse.stats());
    expect([stats.connects, stats.refusals.draining]).toEqual([0, 1]);
  });

  test('an EventSource reconnects to the successor', async () => {
    const old = await startWith(transport);
    const next = await startWith(transport);
    // Like a process manager or a balancer: the address stays, the process behind it changes.
    let behind = old.port;
    const front = createServer((_, res) => res.writeHead(307, { location: `http://127.0.0.1:${behind}/sse` }).end());
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    const source = new EventSource(`http://127.0.0.1:${(front.address() as AddressInfo).port}/`);
    try {
      const heard: string[] = [];
      for (const name of ['ssekit:ready', 'ssekit:drain', 'ssekit:reset', 'hello']) {
        source.addEventListener(name, () => heard.push(name));
      }
      await until('the stream', () => heard.length === 1);
      behind = next.port;
      await old.evaluate(({ sse }) => sse.drain({ windowMs: 0, retryMs: 10 }));
      await until('it to be back', async () => (await next.evaluate(({ sse }) => sse.stats().clients)) === 1);
      await until('the reset', () => heard.includes('ssekit:reset'));
      await next.evaluate(({ sse }) => sse.broadcast({ event: 'hello', data: 1 }));
      await until('an event', () => heard.includes('hello'));
      // The other process knows nothing of what was before, and says so.
      expect(heard).toEqual(['ssekit:ready', 'ssekit:drain', 'ssekit:ready', 'ssekit:reset', 'hello']);
    } finally {
      source.close();
      front.close();
    }
  });
});

test('a second drain waits for the first one', async () => {
  const server = await startWith('handoff');
  await openStream(server, 'handoff');
  const order = await server.evaluate(async ({ sse }) => {
    const order: string[] = [];
    const [one, two] = [sse.drain({ windowMs: 0 }), sse.drain({ windowMs: 3_600_000 })];
    await Promise.all([one.then(() => order.push('one')), two.then(() => order.push('two'))]);
    return order.sort();
  });
  expect(order).toEqual(['one', 'two']);
});

test.each([
  [{ windowMs: -1 }, 'options.windowMs: got -1'],
  [{ windowMs: 3_600_001 }, 'options.windowMs: got 3600001'],
  [{ retry: 5 }, 'options.retry: no such option'],
])('%p is refused, and nothing is drained', async (options, says) => {
  const server = await startWith('handoff');
  const thrown = await server.thrownBy(({ sse }, options) => sse.drain(options as object), options);
  expect(thrown.message).toContain(says);
  await openStream(server, 'handoff');
});
