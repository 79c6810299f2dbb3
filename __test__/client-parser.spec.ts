/** The parser of `ssekit/client`: the WHATWG's event-stream format, however its bytes are cut. */
import fc from 'fast-check';
import { type Block, createParser } from '../ts/client/parser';

interface Read {
  blocks: Block[];
  retries: number[];
}

function readPieces(pieces: Iterable<Uint8Array>): Read {
  const read: Read = { blocks: [], retries: [] };
  const parse = createParser(
    (block) => read.blocks.push(block),
    (ms) => read.retries.push(ms),
  );
  for (const piece of pieces) parse(piece);
  return read;
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (text: string): Read => readPieces([bytesOf(text)]);
const blocks = (text: string): Block[] => read(text).blocks;

const block = (data: string | undefined, id?: string, name = 'message'): Block => ({ name, data, id });

test('fields make an event', () => {
  expect(blocks('event: greeting\ndata: "hello"\nid: z.1\n\n')).toEqual([block('"hello"', 'z.1', 'greeting')]);
});

test('several data lines are one text', () => {
  expect(blocks('data: a\ndata\ndata:b\n\n')).toEqual([block('a\n\nb')]);
});

test('only one space after the colon is no part of the value', () => {
  expect(blocks('data:  a \nevent:b\n\n')).toEqual([block(' a ', undefined, 'b')]);
});

test.each(['\n', '\r', '\r\n'])('lines end with %j', (end) => {
  expect(blocks(`data: a${end}id: 1${end}${end}data: b${end}${end}`)).toEqual([block('a', '1'), block('b')]);
});

test('a byte order mark counts only at the beginning', () => {
  expect(blocks('\uFEFFdata: a\n\n')).toEqual([block('a')]);
  expect(blocks('\uFEFF\uFEFFdata: a\n\ndata: b\n\n\uFEFFdata: c\n\n')).toEqual([block('b')]);
});

test('comments and unknown fields are passed over', () => {
  expect(blocks(':\n\n: data: a\n\nnothing: 1\n\n data: a\n\ndata: b\n\n')).toEqual([block('b')]);
});

test('a block with an id alone has no data', () => {
  expect(blocks('id: 7\n\nevent: named\n\n')).toEqual([block(undefined, '7')]);
});

test('an empty id is an id', () => {
  expect(blocks('id\ndata: a\n\n')).toEqual([block('a', '')]);
});

test('an id with NUL is passed over', () => {
  expect(blocks('id: 1\nid: a\0b\ndata: a\n\n')).toEqual([block('a', '1')]);
});

test('an event does not inherit what the one before it had', () => {
  expect(blocks('event: a\nid: 1\ndata: a\n\ndata: b\n\n')).toEqual([block('a', '1', 'a'), block('b')]);
});

test('what is incomplete at the end is no event', () => {
  expect(blocks('data: a\n\ndata: b\nid: 2\n')).toEqual([block('a')]);
});

test.each([
  ['0', [0]],
  ['2000', [2000]],
  ['-1', []],
  ['1.5', []],
  ['1e3', []],
  ['', []],
  ['٣', []],
])('retry: %s', (value, expected) => {
  expect(read(`retry: ${value}\n\n`).retries).toEqual(expected);
});

test('a line of 1 MiB costs no more than its length, however it is cut', () => {
  const text = 'ü'.repeat(2 ** 19);
  const bytes = bytesOf(`data: ${text}\n\n`);
  const pieces = Array.from({ length: Math.ceil(bytes.length / 999) }, (_, at) =>
    bytes.subarray(at * 999, at * 999 + 999),
  );
  expect(readPieces(pieces).blocks).toEqual([block(text)]);
});

/** One with everything that a cut could tear apart. */
const WITNESS = '\uFEFFevent: ä€😀\r\ndata: x\r\rid: 1\r\n\r\n:\n\nretry: 5\ndata: 😀\ndata\n\rid: 2\n\n\r\ndata: tail';

test('every cut, and every pair of cuts, gives the same events', () => {
  const bytes = bytesOf(WITNESS);
  const whole = readPieces([bytes]);
  expect(whole.blocks.length).toBeGreaterThan(3);
  for (let first = 0; first <= bytes.length; first += 1) {
    for (let second = first; second <= bytes.length; second += 1) {
      const pieces = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
      expect([first, second, readPieces(pieces)]).toEqual([first, second, whole]);
    }
  }
});

test('single bytes give the same events', () => {
  const bytes = bytesOf(WITNESS);
  expect(readPieces([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(readPieces([bytes]));
});

test('any stream gives the same events, however it is cut', () => {
  const part = fc.constantFrom(
    'data',
    'id',
    'event',
    'retry',
    ':',
    ': ',
    '\n',
    '\r',
    '\r\n',
    '\n\n',
    '7',
    'ä',
    '€',
    '😀',
    '\0',
  );
  const cuts = fc.array(fc.nat(200), { maxLength: 20 });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 60 }), cuts, (parts, cuts) => {
      const bytes = bytesOf(parts.join(''));
      const edges = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort((a, b) => a - b);
      const pieces = edges.slice(1).map((end, at) => bytes.subarray(edges[at], end));
      expect(readPieces(pieces)).toEqual(readPieces([bytes]));
    }),
    { numRuns: 2_000 },
  );
});

test('the events are those of another parser', async () => {
  const { createParser: createOther } = await import('eventsource-parser');
  const line = fc.constantFrom('data: a', 'data', 'data:b: c', 'id: 1', 'event: x', ':comment', 'other: 1', '');
  fc.assert(
    fc.property(fc.array(line, { maxLength: 40 }), (lines) => {
      const text = `${lines.join('\n')}\n\n`;
      const others: unknown[] = [];
      createOther({ onEvent: ({ event = 'message', data, id }) => others.push({ name: event, data, id }) }).feed(text);
      expect(blocks(text).filter(({ data }) => data !== undefined)).toEqual(others);
    }),
  );
});
