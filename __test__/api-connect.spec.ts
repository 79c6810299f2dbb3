/** `connect` answers any web Request with a stream, also where no HTTP server of Node's is behind it. */
import type { ConnectOptions } from '../index';
import { Evaluator, type Given, stopEvaluators } from './support/evaluator';
import { until } from './support/until';

let server: Evaluator;

beforeAll(async () => {
  server = await Evaluator.start({ heartbeatMs: 3_600_000 });
  await server.evaluate(({ sse, state }) => {
    state.told = [];
    sse.on('disconnect', ({ clientId, reason }) => state.told.push(`${clientId}: ${reason}`));
    state.decode = ({ value, done }: { value?: Uint8Array; done: boolean }) => {
      const text = new TextDecoder().decode(value);
      return done ? 'end' : (/^event: (.*)$/m.exec(text)?.[1] ?? text);
    };
  });
});
afterAll(stopEvaluators);

/** Why the client is gone, as soon as it was told; a client with this id must come only once. */
async function reasonsOf(clientId: string): Promise<string[]> {
  await until('a disconnect', () =>
    server.evaluate(({ state }, id) => state.told.some((told: string) => told.startsWith(`${id}:`)), clientId),
  );
  const told: string[] = await server.evaluate(({ state }) => state.told);
  return told.filter((line) => line.startsWith(`${clientId}:`));
}

test('the stream starts with ssekit:ready, then carries the events', async () => {
  const seen = await server.evaluate(async ({ sse, state }) => {
    const response = sse.connect(new Request('http://localhost/sse'), { userId: 'ada', clientId: 'reads' });
    const connected = sse.getClientsByUser('ada');
    // Before it is read, so that nothing of what is sent meanwhile may be lost.
    sse.sendToUser('ada', { event: 'early', data: 1 });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const events = [state.decode(await reader.read()), state.decode(await reader.read())];
    const pending = reader.read();
    sse.broadcast({ event: 'live', data: 2 });
    events.push(state.decode(await pending));
    sse.disconnectClient('reads');
    events.push(state.decode(await reader.read()));
    return { status: response.status, headers: [...response.headers], connected, events };
  });
  expect(seen).toEqual({
    status: 200,
    headers: [
      ['cache-control', 'no-cache, no-transform'],
      ['content-type', 'text/event-stream; charset=utf-8'],
      ['x-accel-buffering', 'no'],
    ],
    connected: ['reads'],
    events: ['ssekit:ready', 'early', 'live', 'end'],
  });
  expect(await reasonsOf('reads')).toEqual(['reads: server']);
});

test("one reader's changes to its bytes do not reach others", async () => {
  const seen = await server.evaluate(async ({ sse }) => {
    const readers = ['one', 'other'].map((clientId) => {
      const response = sse.connect(new Request('http://localhost/sse'), { userId: 'ada', clientId });
      return (response.body as ReadableStream<Uint8Array<ArrayBuffer>>).getReader();
    });
    for (const reader of readers) await reader.read();
    const reads = readers.map((reader) => reader.read());
    sse.broadcast({ event: 'to-all', data: 1 });
    const texts: string[] = [];
    for (const { value } of await Promise.all(reads)) {
      texts.push(new TextDecoder().decode(value));
      // As a byte stream does with what is put into it: its memory is not there any more.
      if (value) structuredClone(value, { transfer: [value.buffer] });
    }
    for (const reader of readers) await reader.cancel();
    return texts;
  });
  expect(seen[0]).toMatch(/^event: to-all\ndata: 1\n/);
  expect(seen[1]).toBe(seen[0]);
});

test('the history is read only as the response is read', async () => {
  const deliveries = await server.evaluate(async ({ sse }) => {
    const response = sse.connect(new Request('http://localhost/'), { anonymous: true, clientId: 'slow' });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    const before = sse.stats().deliveries;
    for (let n = 0; n < 10; n += 1) sse.sendToClient('slow', { event: 'n', data: n });
    await new Promise(setImmediate);
    const unread = sse.stats().deliveries - before;
    await reader.read();
    const read = sse.stats().deliveries - before;
    await reader.cancel();
    return { unread, read };
  });
  expect(deliveries).toEqual({ unread: 0, read: 10 });
});

test('a Last-Event-ID brings the missed events', async () => {
  const events = await server.evaluate(async ({ sse, state }) => {
    const { epoch, position } = sse.stats();
    sse.broadcast({ event: 'missed', data: 1 });
    const headers = { 'last-event-id': `${epoch}.${position}` };
    const response = sse.connect(new Request('http://localhost/', { headers }), { anonymous: true, clientId: 'back' });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const events = [state.decode(await reader.read()), state.decode(await reader.read())];
    await reader.cancel();
    return events;
  });
  expect(events).toEqual(['ssekit:ready', 'missed']);
});

describe('the client disconnects once, with the reason peer', () => {
  const open = ({ sse }: Given, clientId: string, signal?: AbortSignal): ReadableStreamDefaultReader<Uint8Array> => {
    const response = sse.connect(new Request('http://localhost/', { signal }), { anonymous: true, clientId });
    return (response.body as ReadableStream<Uint8Array>).getReader();
  };

  test.each<[string, (given: Given, clientId: string, open: string) => Promise<unknown>]>([
    [
      'when the response is cancelled unread',
      async (given, clientId, open) => {
        const reader = given.compile(open)(given, clientId) as ReadableStreamDefaultReader;
        await reader.cancel();
        await reader.cancel();
        return given.state.decode(await reader.read());
      },
    ],
    [
      'when the response is cancelled while it waits',
      async (given, clientId, open) => {
        const reader = given.compile(open)(given, clientId) as ReadableStreamDefaultReader;
        await reader.read();
        const waiting = reader.read();
        await new Promise(setImmediate);
        await reader.cancel();
        return given.state.decode(await waiting);
      },
    ],
    [
      'when the request is aborted while the response waits, which ends',
      async (given, clientId, open) => {
        const abort = new AbortController();
        const reader = given.compile(open)(given, clientId, abort.signal) as ReadableStreamDefaultReader;
        await reader.read();
        const waiting = reader.read();
        await new Promise(setImmediate);
        abort.abort();
        return given.state.decode(await waiting);
      },
    ],
    [
      'when the request was aborted before',
      async (given, clientId, open) => {
        const reader = given.compile(open)(given, clientId, AbortSignal.abort()) as ReadableStreamDefaultReader;
        await reader.read();
        return given.state.decode(await reader.read());
      },
    ],
  ])('%s', async (what, end) => {
    const clientId = what.replaceAll(/[^a-z]+/g, '-');
    expect(await server.evaluate(end, clientId, `${open}`)).toBe('end');
    expect(await reasonsOf(clientId)).toEqual([`${clientId}: peer`]);
    const active = await server.evaluate(
      ({ sse }, id) => [sse.disconnectClient(id), sse.getActiveClients().includes(id)],
      clientId,
    );
    expect(active).toEqual([false, false]);
  });
});

/** Calls `connect` with a clock of the test's own: the timers that it starts are left in `state.timers`. */
const connectWithClock = ({ sse, state }: Given, clientId: string): Response => {
  const { setTimeout, clearTimeout } = globalThis;
  state.timers = [];
  globalThis.setTimeout = ((run: () => void) => {
    const timer = { run, unref: () => timer };
    state.timers.push(timer);
    return timer;
  }) as never;
  globalThis.clearTimeout = ((timer: unknown) => {
    state.timers = state.timers.filter((other: unknown) => other !== timer);
    if (timer instanceof Object && !('run' in timer)) clearTimeout(timer as NodeJS.Timeout);
  }) as never;
  state.restoreClock = () => Object.assign(globalThis, { setTimeout, clearTimeout });
  return sse.connect(new Request('http://localhost/'), { anonymous: true, clientId });
};

test('a response that is never read is closed after a while, with the reason unopened', async () => {
  const ended = await server.evaluate(async (given, connect) => {
    const { state, compile, sse } = given;
    const response = compile(connect)(given, 'never-read') as Response;
    state.restoreClock();
    const before = sse.getActiveClients().includes('never-read');
    for (const timer of state.timers) timer.run();
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    // A late reader still gets the end.
    const late = [state.decode(await reader.read()), state.decode(await reader.read())];
    return { before, after: sse.getActiveClients().includes('never-read'), late };
  }, `${connectWithClock}`);
  expect(ended).toEqual({ before: true, after: false, late: ['ssekit:ready', 'end'] });
  expect(await reasonsOf('never-read')).toEqual(['never-read: unopened']);
});

test('a response that is read has no such deadline', async () => {
  const timers = await server.evaluate(async (given, connect) => {
    const { state, compile, sse } = given;
    const response = compile(connect)(given, 'soon-read') as Response;
    const before = state.timers.length;
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    state.restoreClock();
    const active = sse.getActiveClients().includes('soon-read');
    await reader.cancel();
    return { before, after: state.timers.length, active };
  }, `${connectWithClock}`);
  expect(timers).toEqual({ before: 1, after: 0, active: true });
});

test('HEAD gets the headers, no body and no client', async () => {
  const answer = await server.evaluate(({ sse }) => {
    const before = sse.stats().connects;
    const response = sse.connect(new Request('http://localhost/', { method: 'HEAD' }), {
      anonymous: true,
      clientId: 'head',
    });
    const { status, body, headers } = response;
    return { status, body, type: headers.get('content-type'), connects: sse.stats().connects - before };
  });
  expect(answer).toEqual({ status: 200, body: null, type: 'text/event-stream; charset=utf-8', connects: 0 });
});

test('the client id of another user is answered with 409, and the other stays', async () => {
  const answer = await server.evaluate(async ({ sse }) => {
    const request = new Request('http://localhost/');
    const owner = sse.connect(request, { userId: 'ada', clientId: 'mine' });
    const answers = [];
    for (const client of [
      { userId: 'grace', clientId: 'mine' },
      { anonymous: true, clientId: 'mine' },
    ]) {
      const response = sse.connect(request, client);
      answers.push([response.status, await response.text()]);
    }
    const left = [sse.getClientsByUser('ada'), sse.getClientsByUser('grace'), sse.sendToClient('mine', { data: 1 })];
    await owner.body?.cancel();
    return { answers, left };
  });
  const refused = [409, 'clientId: got an id that belongs to another user, wants another id.\n'];
  expect(answer).toEqual({ answers: [refused, refused], left: [['mine'], [], true] });
});

test('application headers go out, except those of an event stream', async () => {
  const headers = await server.evaluate(async ({ sse }) => {
    const own = new Headers({ 'x-mine': 'yes', 'content-type': 'text/plain', 'content-length': '5' });
    own.append('set-cookie', 'a=1');
    own.append('set-cookie', 'b=2');
    for (const name of ['content-encoding', 'transfer-encoding', 'cache-control']) own.set(name, 'gzip');
    const response = sse.connect(new Request('http://localhost/'), { anonymous: true, headers: own });
    await response.body?.cancel();
    return [...response.headers];
  });
  expect(headers).toEqual([
    ['cache-control', 'no-cache, no-transform'],
    ['content-type', 'text/event-stream; charset=utf-8'],
    ['set-cookie', 'a=1'],
    ['set-cookie', 'b=2'],
    ['x-accel-buffering', 'no'],
    ['x-mine', 'yes'],
  ]);
});

test.each<[string, ConnectOptions['headers'], [string, string][]]>([
  [
    'an object with arrays',
    { 'set-cookie': ['a=1', 'b=2'] },
    [
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ],
  ],
  [
    'pairs, one of them with an array',
    [['set-cookie', ['a=1', 'b=2']]] as never,
    [
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ],
  ],
  ['what is missing', { 'x-a': undefined, 'x-b': null, 'x-c': [undefined, 'c'] as never }, [['x-c', 'c']]],
  ['pairs that are missing', [['x-a', undefined]] as never, []],
  [
    'numbers',
    { 'x-a': 5, 'x-b': true as never },
    [
      ['x-a', '5'],
      ['x-b', 'true'],
    ],
  ],
  ['a map', new Map([['x-a', 'b']]) as never, [['x-a', 'b']]],
])('headers that are %s', async (_, own, wanted) => {
  const headers = await server.evaluate(async ({ sse }, own) => {
    const response = sse.connect(new Request('http://localhost/'), { anonymous: true, headers: own });
    await response.body?.cancel();
    return [...response.headers].filter(([name]) => /^(set-cookie|x-(?!accel))/.test(name));
  }, own);
  expect(headers).toEqual(wanted);
});

test.each([
  ['an object as value', { 'x-a': { b: 1 } }, 'headers.x-a: got an object, wants a string'],
  ['a text', 'x-a: b', 'headers: got "x-a: b", wants an object'],
  ['a flat array', ['x-a', 'b'], 'headers: got "x-a", wants an object'],
])('headers with %s are refused, and nobody is connected', async (_, own, says) => {
  const before = await server.evaluate(({ sse }) => sse.stats().connects);
  const connect = ({ sse }: Given, own: unknown): unknown =>
    sse.connect(new Request('http://localhost/'), { anonymous: true, headers: own as never });
  const thrown = await server.thrownBy(connect, own);
  expect(thrown).toMatchObject({ class: 'TypeError', code: 'ERR_SSEKIT_ARGUMENT' });
  expect(thrown.message).toContain(says);
  expect(await server.evaluate(({ sse }) => sse.stats().connects)).toBe(before);
});
