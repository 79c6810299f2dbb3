/** Data that is too large for an event is refused before it is encoded, so it costs no time or memory for that. */
import { type Given, stopEvaluators } from './support/evaluator';
import { closeClients } from './support/raw-client';
import { ARGUMENT, RANGE, Witness } from './support/witness';

let witness: Witness;

// A process of its own for each: the most memory that one ever had hides what later calls take.
beforeEach(async () => {
  witness = await Witness.start();
});
afterEach(closeClients);
afterEach(stopEvaluators);

/** They take no memory by themselves: V8 repeats a text without copying it, and zeros are untouched pages. */
const DATA: [name: string, make: () => unknown][] = [
  ['a text', () => 'x'.repeat(500e6)],
  ['a text in an object', () => ({ text: 'x'.repeat(500e6) })],
  ['a text deep inside', () => ({ a: [1, { b: [2, { text: 'x'.repeat(500e6) }] }] })],
  ['texts in an array', () => Array(50).fill('x'.repeat(10e6))],
  ['a text in an object without prototype', () => Object.assign(Object.create(null), { text: 'x'.repeat(500e6) })],
  ['a buffer', () => Buffer.alloc(500e6)],
  ['a buffer in an object', () => ({ file: Buffer.alloc(500e6) })],
  ['bytes', () => new Uint8Array(500e6)],
  ['numbers', () => new Float64Array(60e6)],
  ['an array of nothing', () => new Array(100e6)],
];

/** The error of a call, and by how many megabytes the most memory that the process ever had has grown. */
function refusal({ sse, compile }: Given, make: string, call: string): { thrown: unknown; grownMB: number } {
  const before = process.resourceUsage().maxRSS;
  let thrown: unknown;
  try {
    compile(call)(sse, compile(make)());
  } catch (error) {
    const { name, code, message } = error as NodeJS.ErrnoException;
    thrown = { class: name, code, message };
  }
  return { thrown, grownMB: (process.resourceUsage().maxRSS - before) / 1_024 };
}

type Send = (sse: Given['sse'], value: never) => unknown;

async function expectCheapRefusal(error: object, says: RegExp, make: () => unknown, call: Send): Promise<void> {
  await witness.withoutTrace(async () => {
    const { thrown, grownMB } = await witness.server.evaluate(refusal, `${make}`, `${call}`);
    expect(thrown).toMatchObject({ ...error, message: expect.stringMatching(says) });
    expect(grownMB).toBeLessThan(50);
  });
}

test.each(DATA)('%s of hundreds of megabytes costs nothing', async (_, make) => {
  const send: Send = (sse, value) => sse.sendToUser('ada', { event: 'big', data: value });
  await expectCheapRefusal(
    RANGE,
    /^event: got [\d,]+ bytes or more, wants at most 1,048,576 .*maxEventBytes/,
    make,
    send,
  );
});

test.each<[name: string, error: object, says: RegExp, call: Send]>([
  [
    'name',
    RANGE,
    /^event: got 500,000,000 bytes or more/,
    (sse, text) => sse.broadcast({ event: text as string, data: 1 }),
  ],
  ['id', ARGUMENT, /^event\.id: .*500,000,000 characters/, (sse, text) => sse.broadcast({ id: text, data: 1 })],
  ['key', ARGUMENT, /^event\.coalesceKey: /, (sse, text) => sse.broadcast({ coalesceKey: text, data: 1 })],
  [
    'user id',
    ARGUMENT,
    /^userId: .*500,000,000 characters/,
    (sse, text) => sse.sendToUser(text as string, { data: 1 }),
  ],
  [
    'client id',
    ARGUMENT,
    /^clientId: .*500,000,000 characters/,
    (sse, text) => sse.sendToClient(text as string, { data: 1 }),
  ],
  ['excluded id', ARGUMENT, /^excludeClientId: /, (sse, text) => sse.broadcast({ data: 1 }, text)],
  ['user to ask for', ARGUMENT, /^userId: /, (sse, text) => sse.isOnline(text)],
])('a %s of hundreds of megabytes costs nothing', async (_, error, says, call) => {
  await expectCheapRefusal(error, says, () => 'x'.repeat(500e6), call);
});

test('a user id of a million digits is refused and not repeated', async () => {
  const send: Send = (sse, value) => sse.sendToUser(value, { data: 1 });
  await expectCheapRefusal(ARGUMENT, /^userId: got a bigint/, () => 10n ** 1_000_000n, send);
});

test.each<[name: string, make: () => unknown, json: string]>([
  [
    'a buffer that has a toJSON of its own',
    () => Object.assign(Buffer.alloc(9e6), { toJSON: () => 'short' }),
    '"short"',
  ],
  ['an object that has one', () => ({ text: 'x'.repeat(9e6), toJSON: () => 'short' }), '"short"'],
  [
    'a class that has one',
    () =>
      new (class extends Uint8Array {
        toJSON() {
          return 'short';
        }
      })(9e6),
    '"short"',
  ],
  ['an array buffer, which JSON leaves empty', () => new ArrayBuffer(9e6), '{}'],
  ['what JSON leaves out', () => ({ a: 1, [Symbol('b')]: 'x'.repeat(9e6) }), '{"a":1}'],
])('%s is as large as its JSON', async (_, make, json) => {
  const sent = await witness.server.evaluate(
    ({ sse, compile }, make) => sse.sendToClient('nobody', { event: 'small', data: compile(make)() }),
    `${make}`,
  );
  expect([sent, json]).toEqual([false, json]);
});

test('a getter in the data is read once', async () => {
  const reads = await witness.server.evaluate(({ sse }) => {
    let reads = 0;
    const read = (): number => ++reads;
    sse.sendToClient('nobody', { event: 'x', data: Object.defineProperty({}, 'a', { enumerable: true, get: read }) });
    return reads;
  });
  expect(reads).toBe(1);
});
