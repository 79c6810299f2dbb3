/** An event arrives as it was sent: byte for byte on the wire, value for value in the page. */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import * as arbitrary from './support/arbitrary';
import { type Evaluator, stopEvaluators } from './support/evaluator';
import { closeClients, type RawClient } from './support/raw-client';
import { openStream, startWith, TRANSPORTS } from './support/transports';
import { until } from './support/until';

const MIB = 1 << 20;

/** Values to send, and the JSON that the `data` line must have. */
const VALUES: [string, () => unknown, string][] = [
  ['a string', () => 'text', '"text"'],
  ['an empty string', () => '', '""'],
  ['unicode', () => 'größe 日本語 עברית', '"größe 日本語 עברית"'],
  ['emoji, joined ones too', () => '😀 👩‍👩‍👧‍👦 🇪🇺', '"😀 👩‍👩‍👧‍👦 🇪🇺"'],
  ['half of a surrogate pair', () => ['\ud83d', '\ude00', '\ude00\ud83d'], '["\\ud83d","\\ude00","\\ude00\\ud83d"]'],
  ['NUL and other control characters', () => '\0\b\x1b\x1f\x7f', '"\\u0000\\b\\u001b\\u001f\x7f"'],
  ['a BOM', () => '\ufeffx\ufeff', '"\ufeffx\ufeff"'],
  ['line ends of Unicode, which end no line here', () => '\u0085 \u2028 \u2029', '"\u0085 \u2028 \u2029"'],
  ['CR, LF and CR LF', () => 'a\rb\nc\r\nd\n\n', '"a\\rb\\nc\\r\\nd\\n\\n"'],
  ['spaces at both ends', () => '  x\t ', '"  x\\t "'],
  ['what looks like fields', () => 'data: x\nevent: y\n\nid: 1', '"data: x\\nevent: y\\n\\nid: 1"'],
  ['a number', () => 12.5e-7, '0.00000125'],
  ['a large number', () => 1e21, '1e+21'],
  ['negative zero', () => -0, '0'],
  ['what is not a number in JSON', () => [Number.NaN, Number.POSITIVE_INFINITY], '[null,null]'],
  ['true', () => true, 'true'],
  ['false', () => false, 'false'],
  ['null', () => null, 'null'],
  ['undefined', () => undefined, 'null'],
  ['an array with holes', () => Array(2).concat(undefined, 'x'), '[null,null,null,"x"]'],
  ['an empty array', () => [], '[]'],
  ['an empty object', () => ({}), '{}'],
  ['what is nested', () => ({ a: [{ b: { c: [[]] } }] }), '{"a":[{"b":{"c":[[]]}}]}'],
  ['a Date', () => new Date(0), '"1970-01-01T00:00:00.000Z"'],
  ['toJSON', () => ({ a: { toJSON: (key: string) => `the ${key}` } }), '{"a":"the a"}'],
  ['a Map and a Set', () => ({ map: new Map([[1, 2]]), set: new Set([1]) }), '{"map":{},"set":{}}'],
  [
    'properties that JSON leaves out',
    () => ({ a: undefined, b: Symbol('b'), c() {}, [Symbol('d')]: 1, e: 1 }),
    '{"e":1}',
  ],
  ['boxed values', () => [Object('x'), Object(1), Object(false)], '["x",1,false]'],
  ['a typed array', () => new Uint8Array([1, 2]), '{"0":1,"1":2}'],
  ['an object without a prototype', () => Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
  ['an own __proto__', () => JSON.parse('{"__proto__":{"admin":true}}'), '{"__proto__":{"admin":true}}'],
  [
    'keys of every prototype',
    () => ({ constructor: 1, prototype: 2, toString: 3 }),
    '{"constructor":1,"prototype":2,"toString":3}',
  ],
];

const NAMES = [
  ['of what every object has', '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'],
  ['of what EventSource itself dispatches', 'message', 'open', 'error'],
  ['in unicode', 'größe', '日本語', '🚀 launch', '\ufeffbom', 'a\u2028line'],
  ['with spaces and colons', '  leading', 'trailing ', 'a: b', ':', 'data: x', 'id'],
  ['that is nearly reserved', 'ssekit', 'SSEKIT:ready', ' ssekit:ready'],
  ['that is long', 'x'.repeat(5_000)],
].map(([what, ...names]) => [what, names] as const);

const IDS = [
  ['that is short', '0', '7', ':'],
  ['with spaces inside', 'a b', 'a  b'],
  ['with every printable character', `"'<>!#$%&()*+,-./0123456789:;=?@[\\]^_\`{|}~`],
  ['that looks like one of ssekit', 'q3t8w5y2z9.1'],
  ['of 256 characters', '~'.repeat(256)],
].map(([what, ...ids]) => [what, ids] as const);

describe.each(TRANSPORTS)('over %s', (transport) => {
  let server: Evaluator;
  let client: RawClient;
  /** The client's bytes from before the test sent anything. */
  let before: Buffer;

  beforeAll(async () => {
    server = await startWith(transport, { retryMs: 1_234, maxEventBytes: 2 * MIB });
  });
  beforeEach(async () => {
    client = await openStream(server, transport, { path: '/sse?userId=ada&clientId=tab-1' });
    before = client.body;
  });
  afterEach(closeClients);
  afterAll(stopEvaluators);

  /** Everything after that, once the expected amount has come. */
  async function arrived(expected: string): Promise<string> {
    const bytes = before.length + Buffer.byteLength(expected);
    await until(`${bytes} bytes`, () => client.body.length >= bytes);
    return client.body.toString('utf8', before.length);
  }

  /** The id that ssekit gives to the newest event. */
  const newestId = (): Promise<string> =>
    server.evaluate(({ sse }) => {
      const { epoch, position } = sse.stats();
      return `${epoch}.${position}`;
    });

  test.each(VALUES)('%s is sent like JSON.stringify writes it, on one line', async (_, make, json) => {
    await server.evaluate(
      ({ sse, compile }, source) => sse.broadcast({ event: 'value', data: compile(source)() }),
      `${make}`,
    );
    const expected = `event: value\ndata: ${json}\nid: ${await newestId()}\n\n`;
    expect(await arrived(expected)).toBe(expected);
    const [event] = await client.next(1);
    expect(JSON.parse(`${event?.data}`)).toEqual(JSON.parse(JSON.stringify(make() ?? null)));
  });

  test('missing data is sent as null', async () => {
    await server.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'value' } as never));
    const expected = `event: value\ndata: null\nid: ${await newestId()}\n\n`;
    expect(await arrived(expected)).toBe(expected);
  });

  test.each(NAMES)('a name %s arrives unchanged', async (_, names) => {
    for (const event of names) {
      before = client.body;
      await server.evaluate(({ sse }, event) => sse.sendToUser('ada', { event, data: 1 }), event);
      const expected = `event: ${event}\ndata: 1\nid: ${await newestId()}\n\n`;
      expect(await arrived(expected)).toBe(expected);
    }
    expect(await client.next(names.length)).toMatchObject(names.map((event) => ({ event })));
  });

  test.each([[''], [undefined], [null]])('the name %j has no line: the event is a message', async (name) => {
    await server.evaluate(({ sse }, event) => sse.broadcast({ event: event as string, data: 1 }), name);
    const expected = `data: 1\nid: ${await newestId()}\n\n`;
    expect(await arrived(expected)).toBe(expected);
  });

  test.each(IDS)('an id %s arrives unchanged, after the data', async (_, ids) => {
    for (const id of ids) {
      before = client.body;
      await server.evaluate(({ sse }, id) => sse.sendToClient('tab-1', { event: 'own', data: 1, id }), id);
      const expected = `event: own\ndata: 1\nid: ${id}\n\n`;
      expect(await arrived(expected)).toBe(expected);
    }
    expect(await client.next(ids.length)).toMatchObject(ids.map((id) => ({ id })));
  });

  test.each([0, 1, 2_000, Number.MAX_SAFE_INTEGER])('retry %d arrives in plain digits', async (retry) => {
    await server.evaluate(({ sse }, retry) => sse.broadcast({ event: 'slow', data: {}, id: 'i', retry }), retry);
    const expected = `event: slow\nretry: ${retry}\ndata: {}\nid: i\n\n`;
    expect(await arrived(expected)).toBe(expected);
    expect(await client.next(1)).toMatchObject([{ retry }]);
  });

  test('an event of more than a mebibyte arrives whole', async () => {
    const part = '0123456789 größe 日本語 😀 \\"\n';
    const times = Math.ceil(MIB / Buffer.byteLength(part));
    await server.evaluate(
      ({ sse }, text, times) => sse.broadcast({ event: 'large', data: text.repeat(times) }),
      part,
      times,
    );
    const expected = `event: large\ndata: ${JSON.stringify(part.repeat(times))}\nid: ${await newestId()}\n\n`;
    // Not `expect(…).toBe(expected)`: a mebibyte of difference is nothing to print.
    expect((await arrived(expected)) === expected).toBe(true);
  });

  test('ssekit:ready has the retry time and the entry position', async () => {
    const ready = (
      { clientId, ...more }: { clientId: string; resumed: boolean; userId: string | null },
      id: string,
    ): string => {
      const data = JSON.stringify({ clientId, heartbeatMs: 3_600_000, ...more });
      return `event: ssekit:ready\nretry: 1234\ndata: ${data}\nid: ${id}\n\n`;
    };
    const start = await newestId();
    expect(before.toString()).toBe(ready({ clientId: 'tab-1', resumed: false, userId: 'ada' }, start));

    await server.evaluate(({ sse }) => sse.broadcast({ event: 'one more', data: 1 }));
    const after = await newestId();
    expect(after).not.toBe(start);
    const anonymous = await openStream(server, transport, { path: `/sse?clientId=${encodeURIComponent('"\\ <b>')}` });
    // Behind each id of a client that no user vouches for stands its key.
    const [key] = /~[0-9a-z]{16}(?=\n\n$)/.exec(anonymous.body.toString()) ?? [];
    expect(anonymous.body.toString()).toBe(
      ready({ clientId: '"\\ <b>', resumed: false, userId: null }, `${after}${key}`),
    );
    const user = encodeURIComponent('größe "😀"\n\0');
    const resumed = await openStream(server, transport, {
      path: `/sse?userId=${user}&clientId=x`,
      headers: { 'last-event-id': after },
    });
    expect(resumed.body.toString()).toBe(ready({ clientId: 'x', resumed: true, userId: 'größe "😀"\n\0' }, after));
  });

  test('any JSON, name and id arrive unchanged, in order', async () => {
    const property = fc.asyncProperty(
      fc.array(arbitrary.event, { minLength: 1, maxLength: 60, size: 'max' }),
      async (events) => {
        const client = await openStream(server, transport, { path: '/sse?userId=grace&clientId=tab-2' });
        await server.evaluate(({ sse }, events) => {
          for (const { to, json, ...event } of events) {
            const sent = { ...event, data: JSON.parse(json) };
            if (to === 'user') sse.sendToUser('grace', sent);
            if (to === 'client') sse.sendToClient('tab-2', sent);
            if (to === 'all') sse.broadcast(sent);
          }
        }, events);
        const received = await client.next(events.length);
        const { epoch, position } = await server.evaluate(({ sse }) => sse.stats());
        client.destroy();
        const expected = events.map(({ event, id, retry, json }, index) => ({
          event: event || undefined,
          data: json,
          id: id ?? `${epoch}.${position - events.length + 1 + index}`,
          ...(retry !== undefined && { retry }),
        }));
        const same = isDeepStrictEqual(
          received.map((event) => ({ ...event })),
          expected,
        );
        if (!same) expect(received).toEqual(expected);
      },
    );
    await fc.assert(property, arbitrary.RUNS);
  });
});
