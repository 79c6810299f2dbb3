/** `coalesceKey`: who was away gets the newest state and not every step on the way to it. */
import { type Evaluator, stopEvaluators } from './support/evaluator';
import { closeClients } from './support/raw-client';
import { openStream, startWith, TRANSPORTS } from './support/transports';

afterEach(closeClients);
afterAll(stopEvaluators);

describe.each(TRANSPORTS)('over %s', (transport) => {
  let server: Evaluator;
  beforeAll(async () => {
    server = await startWith(transport);
  });

  test('connected clients get all; returning ones the newest of each key', async () => {
    const here = await openStream(server, transport, { path: '/sse?userId=ada' });
    const start = here.events()[0]?.id as string;
    await server.evaluate(async ({ sse }) => {
      for (let percent = 0; percent <= 100; percent += 10) {
        for (const order of ['a', 'b']) {
          sse.sendToUser('ada', { event: order, data: percent, coalesceKey: `order ${order}` });
          // Each has been written before the next one comes.
          await sse.flush();
        }
      }
      sse.sendToUser('ada', { event: 'other', data: 1 });
    });
    expect(await here.next(23)).toHaveLength(23);
    const path = `/sse?userId=ada&lastEventId=${start}`;
    const back = await openStream(server, transport, { path, headers: { 'last-event-id': start } });
    const events = await back.next(3);
    expect(events.map(({ event, data }) => `${event} ${data}`)).toEqual(['a 100', 'b 100', 'other 1']);
    expect(await server.evaluate(({ sse }) => sse.stats().coalesced)).toBe(20);
  });

  test('a key counts only among the same receivers', async () => {
    const seen = await server.evaluate(async ({ sse }) => {
      const { epoch, position } = sse.stats();
      sse.broadcast({ event: 'all', data: 1, coalesceKey: 'k' });
      sse.sendToUser('bob', { event: 'bob', data: 2, coalesceKey: 'k' });
      sse.sendToUser('eve', { event: 'eve', data: 3, coalesceKey: 'k' });
      sse.broadcast({ event: 'all', data: 4, coalesceKey: 'other' });
      const headers = { 'last-event-id': `${epoch}.${position}` };
      const response = sse.connect(new Request('http://localhost/', { headers }), { userId: 'bob' });
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      await reader.read();
      const { value } = await reader.read();
      await reader.cancel();
      return [...new TextDecoder().decode(value).matchAll(/^data: (\d)$/gm)].map(([, data]) => data);
    });
    expect(seen).toEqual(['1', '2', '4']);
  });
});

test.each([
  [7, 'event.coalesceKey: got 7'],
  ['', 'event.coalesceKey: got an empty string'],
  ['x'.repeat(257), 'event.coalesceKey: got 257 bytes'],
  ['\ud800', 'event.coalesceKey: got'],
])('%p is no key, and nothing is sent', async (coalesceKey, says) => {
  const server = await startWith('stream');
  const broadcast = ({ sse }: { sse: import('../index').SSEService }, key: unknown): unknown =>
    sse.broadcast({ event: 'x', data: 1, coalesceKey: key as string });
  const thrown = await server.thrownBy(broadcast, coalesceKey);
  expect(thrown).toMatchObject({ class: 'TypeError', code: 'ERR_SSEKIT_ARGUMENT' });
  expect(thrown.message).toContain(says);
  expect(await server.evaluate(({ sse }) => sse.stats().events)).toBe(0);
});
