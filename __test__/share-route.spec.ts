/** The answers of a route to the worker that shares one connection among tabs, by plain requests. */
import { createFrameReader } from '../ts/client/worker/frames';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { until } from './support/until';

let server: Evaluator;
let aborts: AbortController[];

beforeAll(async () => {
  server = await Evaluator.start();
});
afterAll(stopEvaluators);
beforeEach(() => {
  aborts = [];
});
afterEach(async () => {
  for (const abort of aborts) abort.abort();
  await until('no clients', () => server.evaluate(({ sse }) => sse.getActiveClients().length === 0));
});

interface Asked {
  user?: string;
  carrier?: string;
  headers?: Record<string, string>;
  query?: string;
}

async function ask({ user = 'ada', carrier, headers = {}, query = '' }: Asked): Promise<Response> {
  const abort = new AbortController();
  aborts.push(abort);
  const own = { ...headers, ...(carrier && { 'ssekit-carrier': carrier }) };
  return fetch(`http://127.0.0.1:${server.port}/sse?userId=${user}${query}`, { headers: own, signal: abort.signal });
}

/** An open carrier. */
interface Carrier {
  key: string;
  /** The text of each stream, by its number. */
  texts: Map<number, string>;
  /** The numbers of those that have ended. */
  ended: number[];
  isOver: boolean;
}

async function openCarrier(user?: string): Promise<Carrier> {
  const answer = await ask({ user, carrier: 'v1 open' });
  const key = answer.headers.get('ssekit-carrier');
  if (!key || !answer.body) throw new Error(`no carrier: ${answer.status}`);
  const carrier: Carrier = { key, texts: new Map(), ended: [], isOver: false };
  const read = createFrameReader((number, bytes) => {
    const text = carrier.texts.get(number) ?? '';
    carrier.texts.set(number, text + Buffer.from(bytes).toString());
    if (!bytes.length) carrier.ended.push(number);
  });
  void (async () => {
    for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) read(chunk);
    carrier.isOver = true;
  })().catch(() => {});
  return carrier;
}

const isStream = ({ status, headers }: Response): boolean =>
  status === 200 && /^text\/event-stream/.test(headers.get('content-type') ?? '') && !headers.has('ssekit-carrier');

const clients = (): Promise<string[]> => server.evaluate(({ sse }) => sse.getActiveClients());

describe('the frames', () => {
  test.each([1, 2, 3, 7, 64])('come out whole, in pieces of %d bytes', (size) => {
    const bytes = Buffer.from('0 0\n12 5\nabc\nd7 1\n\n12 0\n3 10\n0123456789');
    const texts = new Map<number, string>();
    const ends: number[] = [];
    const read = createFrameReader((number, piece) => {
      texts.set(number, (texts.get(number) ?? '') + Buffer.from(piece).toString());
      if (!piece.length) ends.push(number);
    });
    for (let at = 0; at < bytes.length; at += size) read(bytes.subarray(at, at + size));
    expect([...texts]).toEqual([
      [0, ''],
      [12, 'abc\nd'],
      [7, '\n'],
      [3, '0123456789'],
    ]);
    expect(ends).toEqual([0, 12]);
  });

  test.each(['event: ssekit:ready\n', ': a comment of more bytes than any head has', '1 -1\n', ' 1\n'])(
    'of something else are refused: %j',
    (text) => {
      expect(() => createFrameReader(() => {})(Buffer.from(text))).toThrow('no carrier');
    },
  );
});

test('a carrier brings the streams that join it, and ends with the last of them', async () => {
  const carrier = await openCarrier();
  // A carrier is no client.
  expect(await clients()).toEqual([]);
  const first = await ask({ carrier: `v1 join 1 ${carrier.key}`, query: '&clientId=one' });
  const second = await ask({ carrier: `v1 join 2 elsewhere ${carrier.key}`, query: '&clientId=two' });
  for (const answer of [first, second]) {
    expect([answer.status, answer.headers.get('ssekit-carrier'), await answer.text()]).toEqual([202, carrier.key, '']);
  }
  expect((await clients()).sort()).toEqual(['one', 'two']);
  await ask({ query: '&clientId=alone' });
  const counts = await server.evaluate(({ sse }) => sse.getClients().map(({ id, sharedBy }) => `${id} ${sharedBy}`));
  expect(counts.sort()).toEqual(['alone undefined', 'one 2', 'two 2']);
  aborts.pop()?.abort();
  await until('it to leave', async () => !(await clients()).includes('alone'));
  await server.evaluate(({ sse }) => sse.broadcast({ event: 'number', data: 1 }, 'one'));
  await server.evaluate(({ sse }) => sse.sendToClient('one', { event: 'number', data: 2 }));
  await until('the events', () => [1, 2].every((number) => carrier.texts.get(number)?.includes('event: number')));
  expect(carrier.texts.get(1)).toMatch(/"clientId":"one".*data: 2/s);
  expect(carrier.texts.get(1)).not.toContain('data: 1\n');
  expect(carrier.texts.get(2)).toMatch(/"clientId":"two".*data: 1/s);
  const left = await ask({ carrier: `v1 leave 1 ${carrier.key}` });
  expect(left.status).toBe(204);
  await until('one to leave', async () => (await clients()).join() === 'two');
  await server.evaluate(({ sse }) => sse.disconnectClient('two'));
  await until('the end', () => carrier.isOver);
  expect(carrier.ended).toEqual([0, 1, 2]);
});

test('the streams end with their carrier', async () => {
  const carrier = await openCarrier();
  await ask({ carrier: `v1 join 1 ${carrier.key}` });
  await ask({ carrier: `v1 join 2 ${carrier.key}` });
  expect((await clients()).length).toBe(2);
  aborts[0]?.abort();
  await until('no clients', async () => (await clients()).length === 0);
});

describe('a stream does not go over', () => {
  test.each<[string, (key: string) => Asked]>([
    ['another user’s carrier', (key) => ({ user: 'bert', carrier: `v1 join 1 ${key}` })],
    ['one that this process does not know', () => ({ carrier: 'v1 join 1 00000000-0000-4000-8000-000000000000' })],
    [
      'one for a page of another site',
      (key) => ({ carrier: `v1 join 1 ${key}`, headers: { 'sec-fetch-site': 'cross-site' } }),
    ],
    ['one under a number that is taken', (key) => ({ carrier: `v1 join 7 ${key}` })],
    ['one under no number', (key) => ({ carrier: `v1 join x ${key}` })],
    ['one of a later version', (key) => ({ carrier: `v2 join 1 ${key}` })],
  ])('%s, but comes as the answer', async (_, asked) => {
    const carrier = await openCarrier();
    await ask({ carrier: `v1 join 7 ${carrier.key}` });
    const answer = await ask(asked(carrier.key));
    expect(isStream(answer)).toBe(true);
    await server.evaluate(({ sse }) => sse.broadcast({ event: 'number', data: 1 }));
    await until('the event', () => carrier.texts.get(7)?.includes('event: number'));
    expect([...carrier.texts.keys()]).toEqual([0, 7]);
  });
});

test('a refused tab gets the usual answer', async () => {
  const carrier = await openCarrier();
  const first = await ask({ carrier: `v1 join 1 ${carrier.key}`, query: '&clientId=mine' });
  expect(first.status).toBe(202);
  const stranger = await ask({ user: 'bert', carrier: `v1 join 2 ${carrier.key}`, query: '&clientId=mine' });
  expect(stranger.status).toBe(409);
});

test('a log-out ends the streams of a carrier, and nobody can use it any more', async () => {
  const carrier = await openCarrier();
  await ask({ carrier: `v1 join 1 ${carrier.key}` });
  await server.evaluate(({ sse }) => sse.disconnectUser('ada'));
  await until('the end', () => carrier.isOver);
  expect(isStream(await ask({ carrier: `v1 join 2 ${carrier.key}` }))).toBe(true);
});

test('the script is there under its version only, and may be kept', async () => {
  const { WORKER_VERSION } = require('../dist/server/worker-script.js');
  const found = await ask({ query: `&ssekit-worker=${WORKER_VERSION}` });
  expect(found.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  expect(found.headers.get('cache-control')).toContain('immutable');
  expect(await found.text()).toContain('addEventListener("connect"');
  const other = await ask({ query: '&ssekit-worker=0' });
  expect([other.status, other.headers.get('cache-control')]).toEqual([404, 'no-store']);
  expect(await clients()).toEqual([]);
});

test('a worker learns that another process has its carrier', async () => {
  const answer = await ask({ carrier: 'v1 leave 1 00000000-0000-4000-8000-000000000000' });
  expect(answer.status).toBe(404);
});

test('a large backlog waits in the history while the carrier is full', async () => {
  const carrier = await openCarrier();
  await ask({ carrier: `v1 join 1 ${carrier.key}` });
  const text = 'x'.repeat(100_000);
  await server.evaluate(({ sse }, text) => {
    for (let number = 0; number < 50; number += 1) sse.broadcast({ event: 'big', data: { number, text } });
  }, text);
  await until('all of it', () => (carrier.texts.get(1)?.length ?? 0) > 5_000_000);
  const numbers = [...(carrier.texts.get(1) ?? '').matchAll(/"number":(\d+)/g)].map(([, number]) => Number(number));
  expect(numbers).toEqual(Array.from({ length: 50 }, (_, number) => number));
});
