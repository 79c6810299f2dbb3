/** Jest gives this file its own globals, and native code has those of Node.js: code that catches an error must not notice. */
import type { SSEService as Service, SSEEvent } from '../index';

// The package as it is installed, in this very process.
const { SSEService }: { SSEService: typeof Service } = require('../index.js');

const sse = SSEService.configure({ limits: { clientsPerUser: 1 }, maxEventBytes: 2_000 });
const event: SSEEvent = { event: 'x', data: 1 };

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

const request = (): Request => new Request('http://localhost/sse');

test.each<[what: string, call: () => unknown, of: ErrorConstructor, code: string]>([
  ['an empty user id', () => sse.sendToUser('', event), TypeError, 'ERR_SSEKIT_ARGUMENT'],
  ['an empty client id', () => sse.sendToClient('', event), TypeError, 'ERR_SSEKIT_ARGUMENT'],
  ['a reserved name', () => sse.broadcast({ event: 'ssekit:mine', data: 1 }), TypeError, 'ERR_SSEKIT_ARGUMENT'],
  ['a large event', () => sse.broadcast({ data: 'x'.repeat(2_000) }), RangeError, 'ERR_SSEKIT_RANGE'],
  ['an option out of its bounds', () => SSEService.configure({ threads: 65 }), RangeError, 'ERR_SSEKIT_RANGE'],
  ['another option', () => SSEService.configure({ threads: 7 }), Error, 'ERR_SSEKIT_CONFIGURED'],
  [
    'an empty id of a new client',
    () => sse.connect(request(), { userId: 'ada', clientId: '' }),
    TypeError,
    'ERR_SSEKIT_ARGUMENT',
  ],
])('%s throws an error of this realm', (_, call, of, code) => {
  expect(call).toThrow(of);
  const error = thrownBy(call);
  expect(error).toBeInstanceOf(of);
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ code, name: of.name });
  // In the place where it was thrown, not only where it was translated.
  expect((error as Error).stack).toContain('realms.spec');
});

test('a refusal is answered, and a stream can be read', async () => {
  const first = sse.connect(request(), { userId: 'ada', clientId: 'tab' });
  const refused = sse.connect(request(), { userId: 'ada' });
  expect([first.status, refused.status]).toEqual([200, 429]);
  const reader = (first.body as ReadableStream<Uint8Array>).getReader();
  const text = async (): Promise<string> => new TextDecoder().decode((await reader.read()).value);
  expect(await text()).toContain('event: ssekit:ready\n');
  expect(sse.sendToUser('ada', event)).toBe(1);
  expect(await text()).toContain('event: x\ndata: 1\n');
  await reader.cancel();
  expect(sse.stats().disconnects.peer).toBe(1);
  // This compares constructors as well.
  expect(sse.stats().lag).toStrictEqual({ clients: 0, events: 0, ms: 0 });
});

test('listeners are called and can be removed', async () => {
  const told = await new Promise((resolve) => {
    sse.on('connect', resolve);
    void sse.connect(request(), { userId: 'bob', clientId: 'phone' }).body?.cancel();
  });
  expect(told).toEqual({ clientId: 'phone', userId: 'bob' });
  sse.off('connect', () => {});
});

test('promises of native code belong to this realm', async () => {
  await sse.flush();
  await expect(sse.listen({ host: '127.0.0.1', tls: { cert: 'x', key: 'y' } })).rejects.toThrow(TypeError);
  const listener = await sse.listen({ anonymous: true });
  // Its port is taken.
  const again = sse.listen({ port: listener.port ?? 0, anonymous: true, traceContext: true });
  await expect(again).rejects.toThrow(Error);
  await expect(again).rejects.toMatchObject({ code: 'ERR_SSEKIT_SYSTEM' });
  await listener.close();
});
