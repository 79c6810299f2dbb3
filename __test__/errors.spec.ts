/** An event that cannot be sent is refused with an error that helps, and nothing of it is sent. */
import { type Given, stopEvaluators } from './support/evaluator';
import { closeClients, RawClient } from './support/raw-client';
import { ARGUMENT, type Call, RANGE, type Refusal, Witness } from './support/witness';

const LIMIT = 2_000;

let witness: Witness;

beforeAll(async () => {
  witness = await Witness.start({ maxEventBytes: LIMIT });
});
afterAll(closeClients);
afterAll(stopEvaluators);

describe('data', () => {
  test.each<Refusal>([
    ['a bigint', ({ sse }) => sse.broadcast({ data: 1n }), ['event.data', 'got a bigint', 'JSON can carry']],
    ['a bigint inside', ({ sse }) => sse.broadcast({ data: { a: [1n] } }), ['event.data', 'got an object', 'BigInt']],
    [
      'a cycle',
      ({ sse }) => {
        const cycle: unknown[] = [];
        cycle.push({ cycle });
        return sse.sendToUser('ada', { event: 'x', data: cycle });
      },
      ['event.data', 'got an array', 'JSON can carry', 'circular'],
    ],
    ['a function', ({ sse }) => sse.sendToClient('tab', { data: () => 1 }), ['event.data', 'got a function', 'JSON']],
    ['a symbol', ({ sse }) => sse.broadcast({ data: Symbol('s') }), ['event.data', 'got a symbol', 'JSON can carry']],
    ['an empty toJSON', ({ sse }) => sse.broadcast({ data: { toJSON() {} } }), ['event.data', 'got an object', 'JSON']],
  ])('%s is refused', (_, call, says) => witness.refused(ARGUMENT, says, call));

  test.each([20_000, 1_000_000])('of %d levels is an error, and the process lives', async (levels) => {
    await witness.refused(
      RANGE,
      // A JSON.stringify that can walk it makes more of it than may be sent.
      [/^event.data: got a value nested too deeply, wants one that JSON.stringify can walk$|^event: .*maxEventBytes/],
      ({ sse }, levels) => {
        let data: unknown = 0;
        for (let level = 0; level < levels; level += 1) data = level % 2 ? [data] : { data };
        return sse.sendToUser('ada', { event: 'deep', data });
      },
      levels,
    );
  });

  test.each<[what: string, make: (fail: () => never) => unknown]>([
    ['toJSON', (fail) => ({ data: { toJSON: fail } })],
    ['a toJSON deep inside', (fail) => ({ data: [{ a: { toJSON: fail } }] })],
    ['a getter in the data', (fail) => ({ data: Object.defineProperty({}, 'a', { enumerable: true, get: fail }) })],
    ['a getter of the event', (fail) => Object.defineProperty({}, 'data', { get: fail })],
    ['a proxy', (fail) => ({ data: new Proxy({}, { ownKeys: fail }) })],
  ])('what %s throws comes through as it is', async (_, make) => {
    const outcomes = ({ sse, compile }: Given, make: string): string[] => {
      const thrown: unknown[] = [
        new SyntaxError('mine'),
        new TypeError('a circular saw took my BigInt'),
        'text',
        undefined,
      ];
      return thrown.map((mine) => {
        const event = compile(make)(() => {
          throw mine;
        });
        try {
          sse.broadcast(event as never);
          return 'sent';
        } catch (error) {
          return error === mine ? 'the same' : `${error}`;
        }
      });
    };
    await witness.withoutTrace(async () => {
      expect(await witness.server.evaluate(outcomes, `${make}`)).toEqual(Array(4).fill('the same'));
    });
  });
});

describe('an event', () => {
  const wants = 'wants an object { event, data, id?, retry? }';

  test.each<Refusal>([
    ['that is missing', ({ sse }) => sse.broadcast(undefined as never), ['event: got undefined', wants]],
    ['that is null', ({ sse }) => sse.sendToUser('ada', null as never), ['event: got null', wants]],
    ['that is a string', ({ sse }) => sse.sendToClient('tab', 'x' as never), ['event: got "x"', wants]],
    ['that is a number', ({ sse }) => sse.broadcast(5 as never), ['event: got 5', wants]],
    ['that is a function', ({ sse }) => sse.broadcast((() => 1) as never), ['event: got a function', wants]],
    [
      'that is an array',
      ({ sse }) => sse.broadcast([{ event: 'x', data: 1 }] as never),
      ['event: got an array', wants],
    ],
    ['that is an empty array', ({ sse }) => sse.sendToUser('ada', [] as never), ['event: got an array', wants]],
    [
      'without a name and data',
      ({ sse }) => sse.broadcast({} as never),
      ['event: got neither event nor data, wants at least one of them'],
    ],
    [
      'of other names',
      ({ sse }) => sse.broadcast({ name: 'x', payload: 1 } as never),
      ['event: got neither event nor data'],
    ],
    [
      'that is a date',
      ({ sse }) => sse.broadcast(new Date() as never),
      ['event: got an object of the kind Date', wants],
    ],
    ['that is a map', ({ sse }) => sse.broadcast(new Map([['data', 1]]) as never), ['event: got an object', wants]],
    ['that is a boxed text', ({ sse }) => sse.broadcast(new String('x') as never), ['event: got an object', wants]],
    ['that is an error', ({ sse }) => sse.broadcast(new Error('x') as never), ['event: got an object', wants]],
    ['that is a buffer', ({ sse }) => sse.broadcast(Buffer.from('x') as never), ['event: got an object', wants]],
    ['that is a promise', ({ sse }) => sse.broadcast(Promise.resolve({}) as never), ['event: got an object', wants]],
    [
      "that is another realm's array",
      ({ sse, require }) => sse.broadcast(require('node:vm').runInNewContext('[1]')),
      ['event: got an array', wants],
    ],
  ])('%s is refused', (_, call, says) => witness.refused(ARGUMENT, says, call));
});

test.each<[what: string, send: Call]>([
  [
    'of a class',
    ({ sse }) =>
      sse.sendToClient(
        'no',
        new (class Order {
          event = 'order';
          data = 1;
        })(),
      ),
  ],
  ['without a prototype', ({ sse }) => sse.sendToClient('no', Object.assign(Object.create(null), { data: 1 }))],
  ['with an inherited name', ({ sse }) => sse.sendToClient('no', Object.create({ event: 'order', data: 1 }))],
  [
    'of another realm',
    ({ sse, require }) => sse.sendToClient('no', require('node:vm').runInNewContext('({ data: 1 })')),
  ],
  ['that is frozen', ({ sse }) => sse.sendToClient('no', Object.freeze({ event: 'order', data: undefined }))],
  ['that is a proxy', ({ sse }) => sse.sendToClient('no', new Proxy({ event: 'order', data: 1 }, {}))],
  ['with a name alone', ({ sse }) => sse.sendToClient('no', { event: 'order' } as never)],
])('an event %s is taken', async (_, send) => {
  expect(await witness.server.evaluate(send as never)).toBe(false);
});

describe.each(['event', 'id'] as const)('event.%s', (field) => {
  const send = ({ sse }: Given, field: string, value: unknown): unknown => sse.broadcast({ data: 1, [field]: value });

  test.each<[string, unknown, string]>([
    ['a number', 5, 'got 5'],
    ['a boolean', false, 'got false'],
    ['an array', ['a'], 'got an array'],
    ['half of a surrogate pair', 'a\ud800', 'got "a\\ud800"'],
  ])('that is %s is refused', async (_, value, got) => {
    await witness.refused(ARGUMENT, [`event.${field}`, got, 'wants a string'], send, field, value);
  });

  test.each(['ssekit:', 'ssekit:ready', 'ssekit:mine'])('%s is reserved', async (value) => {
    await witness.refused(ARGUMENT, [`event.${field}`, '`ssekit:`', 'reserved for ssekit'], send, field, value);
  });

  test('with a control character anywhere is refused', async () => {
    const c0 = Array.from({ length: 0x20 }, (_, code) => code);
    const delAndC1 = Array.from({ length: 0x21 }, (_, index) => 0x7f + index);
    const attempts = ({ sse }: Given, field: string, code: number): string[] => {
      const control = String.fromCharCode(code);
      return [control, `${control}a`, `a${control}`, `a${control}b`, `a${control}data: forged`].map((text) => {
        try {
          return `sent to ${sse.broadcast({ data: 1, [field]: text })}`;
        } catch (error) {
          return `${error}`;
        }
      });
    };
    await witness.withoutTrace(async () => {
      for (const code of [...c0, ...delAndC1]) {
        // In an id, the message first calls a C1 character what it is there.
        const notAscii = field === 'id' && code >= 0x80;
        const is = notAscii ? 'outside of ASCII' : `U\\+${code.toString(16).toUpperCase().padStart(4, '0')}`;
        const refusal = expect.stringMatching(`^TypeError: event.${field}: got (a|the) .*${is}.* wants `);
        expect(await witness.server.evaluate(attempts, field, code)).toEqual(Array(5).fill(refusal));
      }
    });
  });
});

test.each([
  ['empty', '', 'got an empty string'],
  ['of 257 characters', 'x'.repeat(257), 'got 257 characters'],
  ['with a space before it', ' a', 'got a space at the start or end'],
  ['with a space behind it', 'a ', 'got a space at the start or end'],
  ['in another script', 'größe', 'got a character outside of ASCII, wants 1 to 256 printable ASCII characters'],
  ['with an emoji', '7😀', 'got a character outside of ASCII, wants 1 to 256 printable ASCII characters'],
])('an id %s is refused', async (_, id, got) => {
  const send = ({ sse }: Given, id: string): unknown => sse.sendToClient('tab', { data: 1, id });
  await witness.refused(ARGUMENT, [`event.id: ${got}`, 'wants 1 to 256 printable ASCII characters'], send, id);
});

test.each([
  [-1, '-1'],
  [1.5, '1.5'],
  [Number.NaN, 'NaN'],
  [Number.POSITIVE_INFINITY, 'Infinity'],
  [1e21, '1e+21'],
  [2 ** 53, '9007199254740992'],
  ['5', '"5"'],
  [5n, 'a bigint'],
  [true, 'true'],
])('retry %p is refused', async (retry, got) => {
  const says = [`event.retry: got ${got}`, 'wants milliseconds as a non-negative safe integer'];
  const send = ({ sse }: Given, retry: unknown): unknown => sse.broadcast({ data: 1, retry: retry as number });
  await witness.refused(ARGUMENT, says, send, retry);
});

describe('the size of an event', () => {
  /** An event with this many bytes on the wire, some of them in characters of more than one. */
  const ofSize = (bytes: number): { event: string; data: string; id: string } => {
    const rest = bytes - Buffer.byteLength('event: e\ndata: "é😀"\nid: i\n\n');
    return { event: 'e', data: `é😀${'x'.repeat(rest)}`, id: 'i' };
  };

  test.each<[string, (given: Given, event: ReturnType<typeof ofSize>) => unknown]>([
    ['broadcast', ({ sse }, event) => sse.broadcast(event)],
    ['sendToUser', ({ sse }, event) => sse.sendToUser('ada', event)],
    ['sendToClient', ({ sse }, event) => sse.sendToClient('tab', event)],
  ])('%s refuses a byte more than maxEventBytes', async (_, send) => {
    const says = ['event: got 2,001 bytes, wants at most 2,000', 'maxEventBytes'];
    await witness.refused(RANGE, says, send, ofSize(LIMIT + 1));
  });

  test('may be exactly maxEventBytes', async () => {
    const client = await RawClient.stream(witness.server.port, { path: '/sse?userId=grace' });
    const before = client.body.length;
    const event = ofSize(LIMIT);
    expect(await witness.server.evaluate(({ sse }, event) => sse.sendToUser('grace', event), event)).toBe(1);
    expect(await client.next(1)).toMatchObject([{ data: JSON.stringify(event.data) }]);
    expect(client.body.length - before).toBe(LIMIT);
  });
});

describe('other arguments', () => {
  const types = "wants 'connect' or 'disconnect' or 'userOnline' or 'userOffline' or 'error'";

  test.each<Refusal>([
    ['no request', ({ sse }) => sse.connect(undefined as never), ['request: got undefined', 'wants a web Request']],
    [
      'a false request',
      ({ sse }) => sse.connect({ headers: {} } as never),
      ['request: got an object', 'a web Request'],
    ],
    ['a type without events', ({ sse }) => sse.on('message' as 'connect', () => {}), ['type: got "message"', types]],
    ['an inherited type', ({ sse }) => sse.on('__proto__' as 'connect', () => {}), ['type: got "__proto__"', types]],
    ['no type', ({ sse }) => sse.off(undefined as never as 'connect', () => {}), ['type: got undefined', types]],
    ['no listener', ({ sse }) => sse.on('connect', undefined as never), ['listener: got undefined', 'a function']],
    ['an object as listener', ({ sse }) => sse.on('error', {} as never), ['listener: got an object', 'a function']],
    ['no listener to take off', ({ sse }) => sse.off('error', null as never), ['listener: got null', 'a function']],
  ])('%s is refused', (_, call, says) => witness.refused(ARGUMENT, says, call));

  test.each([
    [null, 'got null'],
    ['ada', 'got "ada"'],
  ])('%p is refused as the user of a connection', async (client, got) => {
    const says = [
      `client: ${got}`,
      'wants an object { userId?, clientId?, anonymous?, channels?, data?, since?, welcome?, address?, headers?, onClose? }',
    ];
    const connect = ({ sse }: Given, client: unknown): unknown =>
      sse.connect(new Request('http://localhost/'), client as never);
    await witness.refused(ARGUMENT, says, connect, client);
  });

  test('an invalid header connects nobody', async () => {
    const call: Call = ({ sse }) =>
      sse.connect(new Request('http://localhost/'), { anonymous: true, headers: { 'a b': 'c' } });
    await witness.refused(ARGUMENT, ['headers: got "a b", wants names of letters, digits and hyphens'], call);
  });
});
