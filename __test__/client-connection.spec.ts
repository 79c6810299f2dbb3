/** The connection of `ssekit/client`: what it makes of every answer and every end of a stream, and when it comes back. */
import { freePort } from './support/free-port';
import { endPages, stopClocks, watch } from './support/page-client';
import { type Answer, event, ready, refusal, StreamServer, stream } from './support/stream-server';
import { until } from './support/until';

beforeEach(() => stopClocks());
afterEach(endPages);

/** The milliseconds until the next attempt. */
const waitOf = ({ client }: ReturnType<typeof watch>): number => (client.status.retryAt ?? Number.NaN) - Date.now();

const HTML = refusal(200, { 'content-type': 'text/html' }, '<!doctype html>');
const reset: Answer = (_, req) => req.socket.resetAndDestroy();

test('an event comes in, and the status says that the stream is open', async () => {
  const server = await StreamServer.start([stream(ready() + event('greeting', 'hello', 'z.1'))]);
  const page = watch({ url: server.url });
  await page.got('hello');
  expect(page.client.status).toEqual({ state: 'open' });
  expect(page.states).toEqual(['connecting', 'open']);
  expect(page.events).toEqual([{ event: 'greeting', data: 'hello', id: 'z.1' }]);
  expect(page.client).toMatchObject({ clientId: 'c1', cursor: 'z.1' });
  const { method, headers, query } = await server.request(1);
  expect([method, headers.accept, Object.keys(query)]).toEqual(['GET', 'text/event-stream', ['clientId']]);
});

describe('an answer after which the client gives up', () => {
  test.each([
    [204, ''],
    [401, ': log in, or renew the ticket'],
    [403, ': check user, channels and origin'],
  ])('%d', async (status, hint) => {
    const server = await StreamServer.start([refusal(status)]);
    const page = watch({ url: server.url });
    await page.is('closed');
    expect(page.client.status).toEqual({
      state: 'closed',
      httpStatus: status,
      reason: `${server.url} answered ${status}${hint}`,
    });
    expect(page.errors).toMatchObject([{ code: 'refused', status }]);
    await jest.advanceTimersByTimeAsync(3_600_000);
    expect(server.seen).toHaveLength(1);
  });
});

describe('an answer after which the client comes back', () => {
  const cases: [name: string, answer: Answer, status: number | undefined, reason: string][] = [
    ...[400, 409, 429, 500, 502, 503].map((status): (typeof cases)[number] => [
      `${status}`,
      refusal(status),
      status,
      `/sse answered ${status}`,
    ]),
    ['404', refusal(404), 404, '/sse answered 404: check `url`'],
    ['a page', HTML, 200, '/sse answered text/html, no stream: check `url` and log-in'],
    ['a reset before the head', reset, undefined, 'No connection'],
  ];
  test.each(cases)('%s', async (_, answer, status, reason) => {
    const server = await StreamServer.start([answer, answer, stream(event('a', 1))]);
    const page = watch({ url: server.url });
    await page.is('waiting');
    expect(page.client.status.httpStatus).toBe(status);
    expect(page.client.status.reason).toContain(reason);
    expect(waitOf(page)).toBe(250);
    await jest.advanceTimersByTimeAsync(249);
    expect(server.seen).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(1);
    await server.request(2);
    await until('the second wait', () => page.states.filter((state) => state === 'waiting').length === 2);
    expect(waitOf(page)).toBe(500);
    // A repeated failure is reported once.
    expect(page.errors).toHaveLength(1);
    expect(page.errors[0]?.status).toBe(status);
    await jest.advanceTimersByTimeAsync(500);
    await page.got(1);
    expect(page.client.status).toEqual({ state: 'open' });
  });
});

test.each([301, 307])('a redirect by %d is followed', async (status) => {
  const server = await StreamServer.start([refusal(status, { location: '/other?a=1' }), stream(event('a', 1))]);
  const page = watch({ url: server.url });
  await page.got(1);
  expect(server.seen.map(({ path }) => path)).toEqual(['/sse', '/other']);
});

describe('the reason names', () => {
  test('where a redirect has led, but never the ticket', async () => {
    const server = await StreamServer.start([refusal(307, { location: '/log-in?next=sse' }), HTML]);
    const page = watch({ url: server.url, auth: () => 'secret' });
    await page.is('waiting');
    const address = `http://127.0.0.1:${server.port}/log-in`;
    expect(page.errors.map(({ message }) => message)).toEqual([
      `${address} answered text/html, no stream: check \`url\` and log-in`,
    ]);
  });

  test('a fetch that reads no streams', async () => {
    // React Native's, for instance, has neither.
    const answer = { status: 200, headers: new Headers({ 'content-type': 'text/event-stream' }), body: undefined };
    const page = watch({ url: 'http://localhost/sse', fetch: async () => answer as unknown as Response });
    await page.is('waiting');
    expect(page.client.status.reason).toBe('Server answered a stream: pass a `fetch` that reads it');
  });

  test('what may be wrong if nobody answers', async () => {
    const page = watch({ url: `http://127.0.0.1:${await freePort()}/sse` });
    await page.is('waiting');
    expect(page.client.status.reason).toMatch(/^No connection \(server down, or CORS\): ./);
  });
});

test.each(['/api/sse', 'http://', ''])('the URL %j is refused at once where there is no page', (url) => {
  expect(() => watch({ url })).toThrow(new TypeError(`url: ${url} is no whole URL, and there is no page`));
});

test('a server that is away is tried until it is back', async () => {
  const port = await freePort();
  const page = watch({ url: `http://127.0.0.1:${port}/sse` });
  const windows: number[] = [];
  for (let attempt = 1; attempt <= 9; attempt += 1) {
    await until(`failure ${attempt}`, () => page.states.filter((state) => state === 'waiting').length === attempt);
    windows.push(waitOf(page) * 2);
    await jest.advanceTimersByTimeAsync(attempt < 9 ? waitOf(page) : 0);
  }
  expect(windows).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  expect(page.errors.map(({ code }) => code)).toEqual(['unreachable']);
  const server = await StreamServer.start([stream(event('a', 1))], port);
  await jest.advanceTimersByTimeAsync(waitOf(page));
  await page.got(1);
  expect(server.seen).toHaveLength(1);
});

describe('the server says when to come back', () => {
  const NOW = Date.UTC(2030, 0, 1);
  test.each([
    ['in seconds', '7', 7_500],
    ['as a date', new Date(NOW + 60_000).toUTCString(), 60_500],
    ['as a date that is over', new Date(NOW - 60_000).toUTCString(), 500],
    ['in 30 days', '2592000', 2_592_000_500],
    ['in words', 'soon', 250],
  ])('by Retry-After %s', async (_, value, ms) => {
    const server = await StreamServer.start([refusal(503, { 'retry-after': value })]);
    const page = watch({ url: server.url });
    await page.is('waiting');
    expect(waitOf(page)).toBe(ms);
  });

  test('by retry, which also spreads the pages', async () => {
    const server = await StreamServer.start([stream(`retry: 2000\n${event('a', 1)}`)]);
    const page = watch({ url: server.url });
    await page.got(1);
    server.seen[0]?.res.destroy();
    await page.is('waiting');
    expect(waitOf(page)).toBe(3_000);
  });

  test('by ssekit:drain, exactly and once', async () => {
    const drain = `event: ssekit:drain\nretry: 1234\ndata: {"reconnectInMs":1234}\n\n`;
    const server = await StreamServer.start([stream(drain), refusal(502)]);
    const page = watch({ url: server.url });
    await page.is('open');
    server.seen[0]?.res.end();
    await page.is('waiting');
    expect(waitOf(page)).toBe(1_234);
    await jest.advanceTimersByTimeAsync(1_234);
    await until('the second wait', () => page.states.filter((state) => state === 'waiting').length === 2);
    expect(waitOf(page)).toBeGreaterThan(1_234);
  });
});

describe('failures are forgotten', () => {
  test.each([
    [4_999, 1_000],
    [5_000, 250],
  ])('after %d ms of stream: the next wait is %d ms', async (lasted, ms) => {
    const server = await StreamServer.start([refusal(500), refusal(500), stream()]);
    const page = watch({ url: server.url });
    await page.is('waiting');
    await jest.advanceTimersByTimeAsync(250);
    await until('the second wait', () => page.states.filter((state) => state === 'waiting').length === 2);
    await jest.advanceTimersByTimeAsync(500);
    await page.is('open');
    await jest.advanceTimersByTimeAsync(lasted);
    server.seen[2]?.res.end();
    await page.is('waiting');
    expect(waitOf(page)).toBe(ms);
  });
});

describe('the cursor', () => {
  /** Cuts the first stream after this text, and returns the query of the second request. */
  async function afterCut(text: string, options: object = {}): Promise<Record<string, string>> {
    const server = await StreamServer.start([
      (res, req) => {
        stream(text)(res, req);
        setImmediate(() => res.destroy());
      },
      stream(),
    ]);
    const page = watch({ url: server.url, ...options });
    await page.is('waiting');
    await jest.advanceTimersByTimeAsync(waitOf(page));
    const { query, headers } = await server.request(2);
    return { ...query, header: String(headers['last-event-id']) };
  }

  test('goes into the query', async () => {
    expect(await afterCut(ready({}, 'z.1'))).toMatchObject({ lastEventId: 'z.1', clientId: 'c1', header: 'undefined' });
  });

  test('does not move by a cut event', async () => {
    expect(await afterCut(`${event('a', 1, 'z.1')}event: a\ndata: 2\nid: z.2\n`)).toMatchObject({ lastEventId: 'z.1' });
  });

  test('moves by an id alone', async () => {
    expect(await afterCut('id: z.7\n\n')).toMatchObject({ lastEventId: 'z.7' });
  });

  test('is the given one until there is another', async () => {
    expect(await afterCut(':\n\n', { since: 'z.3' })).toMatchObject({ since: 'z.3' });
    const query = await afterCut(event('a', 1, 'z.4'), { since: 'z.3' });
    expect(query).toMatchObject({ lastEventId: 'z.4' });
    expect(query).not.toHaveProperty('since');
  });

  test('is forgotten if the server says so', async () => {
    const query = await afterCut('id: z.1\n\nid\n\n', { since: 'z.3' });
    expect(query).not.toHaveProperty('since');
    expect(query).not.toHaveProperty('lastEventId');
  });

  test('with a key goes into a header, because URLs are logged', async () => {
    const id = 'z.1~0123456789abcdef';
    const query = await afterCut(event('a', 1, id));
    expect(query).toMatchObject({ header: id });
    expect(query).not.toHaveProperty('lastEventId');
  });

  test('survives two connections without an event', async () => {
    const cut: Answer = (res, req) => {
      stream(ready({}, 'z.1'))(res, req);
      setImmediate(() => res.destroy());
    };
    const server = await StreamServer.start([stream(event('a', 1, 'z.1')), cut, cut, stream(event('a', 2, 'z.2'))]);
    const page = watch({ url: server.url });
    await page.got(1);
    server.seen[0]?.res.destroy();
    for (const number of [2, 3, 4]) {
      await page.is('waiting');
      await jest.advanceTimersByTimeAsync(waitOf(page));
      expect((await server.request(number)).query.lastEventId).toBe('z.1');
      if (number < 4)
        await until('its end', () => page.states.filter((state) => state === 'waiting').length === number);
    }
    await page.got(1, 2);
  });
});

test('an id is dispatched once', async () => {
  const server = await StreamServer.start([
    stream(event('a', 1, 'z.1') + event('a', 2, 'z.2') + event('a', 1, 'z.1') + event('a', 3, 'z.3')),
  ]);
  const page = watch({ url: server.url });
  await page.got(1, 2, 3);
});

test('events of 1 MiB come whole', async () => {
  const text = 'ä'.repeat(2 ** 19);
  const server = await StreamServer.start([stream([1, 2, 3].map((n) => event('a', text + n)).join(''))]);
  const page = watch({ url: server.url });
  await until('all', () => page.events.length === 3);
  expect(page.events.map(({ data }) => data)).toEqual([1, 2, 3].map((n) => text + n));
});

test('a clientId in the URL stays, and so does the rest of the query', async () => {
  const server = await StreamServer.start();
  watch({ url: `${server.url}?order=7&clientId=mine` });
  expect((await server.request(1)).query).toEqual({ order: '7', clientId: 'mine' });
});

test('a client id of another user is given up', async () => {
  jest.mocked(Math.random).mockReturnValueOnce(0.1).mockReturnValueOnce(0.2);
  const server = await StreamServer.start([refusal(409), stream()]);
  const page = watch({ url: server.url });
  await page.is('waiting');
  await jest.advanceTimersByTimeAsync(waitOf(page));
  await page.is('open');
  const [first, second] = server.seen.map(({ query }) => query.clientId);
  expect(first).not.toBe(second);
});

describe('the end by the page', () => {
  test('closes the connection, and nothing comes after it', async () => {
    const server = await StreamServer.start([stream(event('a', 1))]);
    const page = watch({ url: server.url });
    await page.got(1);
    page.client.close();
    await until('the server to notice', () => server.seen[0]?.res.destroyed);
    expect(page.client.status).toEqual({ state: 'closed' });
    await jest.advanceTimersByTimeAsync(3_600_000);
    expect(server.seen).toHaveLength(1);
    expect(page.errors).toEqual([]);
  });

  test('by a signal, also before the beginning', async () => {
    const server = await StreamServer.start();
    const ending = new AbortController();
    const page = watch({ url: server.url, signal: ending.signal });
    await page.is('open');
    ending.abort();
    expect(page.client.status.state).toBe('closed');
    const never = watch({ url: server.url, signal: ending.signal });
    await jest.advanceTimersByTimeAsync(60_000);
    expect(never.client.status.state).toBe('closed');
    expect(server.seen).toHaveLength(1);
  });

  test.each(['handler', 'error', 'status'])('by a handler: %s', async (kind) => {
    const server = await StreamServer.start([
      kind === 'handler' ? stream(event('a', 1) + event('a', 2)) : refusal(500),
    ]);
    const page = watch({ url: server.url });
    if (kind === 'handler') page.client.on('a', () => page.client.close());
    if (kind === 'error') page.client.onError(() => page.client.close());
    if (kind === 'status') page.client.onStatus(({ state }) => state === 'waiting' && page.client.close());
    await page.is('closed');
    await jest.advanceTimersByTimeAsync(3_600_000);
    expect(page.client.status.state).toBe('closed');
    expect(page.events.length).toBeLessThan(2);
    expect(server.seen).toHaveLength(1);
  });
});
