/** The command line reads event streams by the standard. */
import fc from 'fast-check';
import { EventStreamParser, MAX_EVENT_CHARACTERS, type StreamEvent } from '../ts/cli/event-stream/parser';

interface Read {
  events: StreamEvent[];
  retries: number[];
  comments: string[];
  lastEventId: string;
}

function read(pieces: Uint8Array[], lastEventId?: string): Read {
  const [events, retries, comments]: [StreamEvent[], number[], string[]] = [[], [], []];
  const listener = {
    onEvent: (event: StreamEvent) => events.push(event),
    onRetry: (milliseconds: number) => retries.push(milliseconds),
    onComment: (text: string) => comments.push(text),
  };
  const parser = new EventStreamParser(listener, lastEventId);
  for (const piece of pieces) parser.push(piece);
  return { events, retries, comments, lastEventId: parser.lastEventId };
}

const readText = (text: string): Read => read([Buffer.from(text)]);

const message = (data: string, lastEventId = ''): StreamEvent => ({ event: 'message', data, lastEventId });

test.each([
  ['data lines are joined by line feeds', 'data: a\ndata: b\n\n', [message('a\nb')]],
  ['one space after the colon is dropped, a second is kept', 'data:a\ndata:  b\n\n', [message('a\n b')]],
  ['a field without a colon is empty', 'data\ndata\n\n', [message('\n')]],
  ['an event without data lines is not dispatched', 'event: x\n\ndata: y\n\n', [message('y')]],
  ['an empty data line is an event', 'data:\n\n', [message('')]],
  ['an event without its empty line is not dispatched', 'data: a\n', []],
  ['unknown fields and other cases of known ones are ignored', 'Data: a\nfoo: b\n\n', []],
  ['a byte order mark is dropped only at the very beginning', '\ufeffdata: a\n\n\ufeffdata: b\n\n', [message('a')]],
  ['an id lasts until another comes', 'id: 1\ndata: a\n\ndata: b\n\n', [message('a', '1'), message('b', '1')]],
  ['an id with a NUL is ignored', 'id: 1\n\nid: 2\0\ndata: a\n\n', [message('a', '1')]],
  ['an empty id is an id', 'id: 1\n\nid\ndata: a\n\n', [message('a', '')]],
])('%s', (_, text, events) => {
  expect(readText(text).events).toEqual(events);
});

test('retry counts only if all characters are digits', () => {
  expect(readText('retry: 10\nretry: 010\nretry: -1\nretry: 1.5\nretry: 1e3\nretry:\nretry: ٣\n').retries).toEqual([
    10, 10,
  ]);
});

test('an id counts for a reconnect only after its event is complete', () => {
  expect(readText('id: 1\ndata: a\n\nid: 2\ndata: b\n').lastEventId).toBe('1');
});

test('the id of the previous connection lasts until the stream sets one', () => {
  expect(read([Buffer.from('data: a\n\n')], '7').events).toEqual([message('a', '7')]);
});

/** Everything that means something to the format, and a little that does not. */
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom('\n', '\r', '\r\n', '\n\n', ':', ' ', '\0', '\ufeff', '😀', 'é', '\u2028'),
      fc.constantFrom('data', 'data:', 'data: ', 'event: ', 'event', 'id: ', 'id', 'retry: ', ': ', '12', 'x'),
    ),
    { maxLength: 60 },
  )
  .map((parts) => `${parts.join('')}\n`);

const cuts = fc.array(fc.nat(400), { maxLength: 8 });

function cut(bytes: Uint8Array, places: number[]): Uint8Array[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
}

/** The standard's own words, for a stream that is there as a whole. */
function byTheStandard(stream: string): Omit<Read, 'comments'> {
  const read = { events: [] as StreamEvent[], retries: [] as number[], lastEventId: '' };
  let [data, type, id] = ['', '', ''];
  for (const line of stream
    .replace(/^\ufeff/, '')
    .split(/\r\n|\r|\n/)
    .slice(0, -1)) {
    const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (line === '') {
      read.lastEventId = id;
      if (data !== '') read.events.push({ event: type || 'message', data: data.slice(0, -1), lastEventId: id });
      [data, type] = ['', ''];
    } else if (name === 'data') data += `${value}\n`;
    else if (name === 'event') type = value;
    else if (name === 'id' && !value.includes('\0')) id = value;
    else if (name === 'retry' && /^[0-9]+$/.test(value)) read.retries.push(Number(value));
  }
  return read;
}

test('any stream, however cut, reads as the standard says', () => {
  fc.assert(
    fc.property(text, cuts, (text, places) => {
      const { comments: _, ...ours } = read(cut(Buffer.from(text), places));
      expect(ours).toEqual(byTheStandard(text));
    }),
    { numRuns: 5_000 },
  );
});

test('a cut inside CRLF or a character changes nothing', () => {
  const bytes = Buffer.from('\ufeffid: 1\r\ndata: é😀\r\ndata: b\r\n\r\n: hi\r\rdata: c\n\n');
  const whole = read([bytes]);
  expect(whole.events).toEqual([message('é😀\nb', '1'), message('c', '1')]);
  for (let at = 0; at <= bytes.length; at += 1) {
    expect(read([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole);
  }
  expect(read([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(whole);
});

test('characters that look like the bytes of a byte order mark are kept', () => {
  expect(readText('\u00ef\u00bb\u00bfdata: a\n\ndata: b\n\n').events).toEqual([message('b')]);
});

test('the id of an overlong event counts, before or after its data', () => {
  const long = 'x'.repeat(MAX_EVENT_CHARACTERS + 1);
  for (const text of [`id: 7\ndata: ${long}\n\n`, `data: ${long}\nid: 7\n\n`]) {
    const { events, lastEventId } = readText(`${text}data: next\n\n`);
    expect({ events, lastEventId }).toEqual({ events: [message('next', '7')], lastEventId: '7' });
  }
});

test('a cut never changes the meaning of a stream', () => {
  fc.assert(
    fc.property(text, cuts, (text, places) => {
      const bytes = Buffer.from(text);
      expect(read(cut(bytes, places))).toEqual(read([bytes]));
    }),
    { numRuns: 2_000 },
  );
});
