/** `auth` of `ssekit/client`: tickets and headers, asked for again when they are refused, and refreshed before they expire. */
import { endPages, stopClocks, watch } from './support/page-client';
import { changed, event, ready, refusal, StreamServer, stream } from './support/stream-server';
import { until } from './support/until';

beforeEach(() => stopClocks());
afterEach(endPages);

/** Gives another ticket with each call. */
function tickets(more: object = {}) {
  let count = 0;
  return jest.fn(async () => {
    count += 1;
    return { ticket: `t${count}`, ...more };
  });
}

const ticketsOf = (server: StreamServer) => server.seen.map(({ query }) => query.ticket);

test.each([
  ['a text', () => 't1'],
  ['what a ticket route answers', async () => ({ ticket: 't1', expiresIn: 3_600 })],
])('a ticket is in the URL: %s', async (_, auth) => {
  const server = await StreamServer.start();
  const page = watch({ url: server.url, auth });
  await page.is('open');
  expect(ticketsOf(server)).toEqual(['t1']);
});

test('headers are in each request', async () => {
  const server = await StreamServer.start([stream(ready()), changed({ subscribed: ['a'] })]);
  const page = watch({ url: server.url, auth: () => ({ headers: { authorization: 'Bearer x' } }) });
  page.client.subscribe('a');
  await server.request(2);
  expect(server.seen.map(({ method, headers }) => [method, headers.authorization])).toEqual([
    ['GET', 'Bearer x'],
    ['POST', 'Bearer x'],
  ]);
});

test('a ticket for a change of channels is in a header', async () => {
  const server = await StreamServer.start([stream(ready()), changed({ subscribed: ['a'] })]);
  const page = watch({ url: server.url, auth: () => 't1' });
  page.client.subscribe('a');
  const { headers, query } = await server.request(2);
  expect([headers.authorization, query]).toEqual(['Bearer t1', {}]);
});

test('a ticket is kept over reconnects', async () => {
  const server = await StreamServer.start();
  const auth = tickets();
  const page = watch({ url: server.url, auth });
  await page.is('open');
  server.seen[0]?.res.end();
  await page.is('waiting');
  await jest.advanceTimersByTimeAsync(250);
  await page.is('open');
  expect(ticketsOf(server)).toEqual(['t1', 't1']);
  expect(auth).toHaveBeenCalledTimes(1);
});

describe.each([401, 403])('after %d', (status) => {
  test('it asks once more, at once', async () => {
    const server = await StreamServer.start([refusal(status), stream(event('a', 1))]);
    const page = watch({ url: server.url, auth: tickets() });
    await page.got(1);
    expect(ticketsOf(server)).toEqual(['t1', 't2']);
    expect(page.errors).toEqual([]);
  });

  test('twice in a row, it gives up', async () => {
    const server = await StreamServer.start([refusal(status)]);
    const page = watch({ url: server.url, auth: tickets() });
    await page.is('closed');
    expect(ticketsOf(server)).toEqual(['t1', 't2']);
    expect(page.client.status).toMatchObject({ httpStatus: status });
    expect(page.errors).toMatchObject([{ code: 'refused', status }]);
  });

  test('it may ask again after a stream', async () => {
    const server = await StreamServer.start([refusal(status), stream(), refusal(status), stream(event('a', 1))]);
    const page = watch({ url: server.url, auth: tickets() });
    await page.is('open');
    server.seen[1]?.res.end();
    await page.is('waiting');
    await jest.advanceTimersByTimeAsync(500);
    await page.got(1);
    expect(ticketsOf(server)).toEqual(['t1', 't2', 't2', 't3']);
  });
});

test.each([
  ['rejects', async () => Promise.reject(new Error('500'))],
  [
    'throws',
    () => {
      throw new Error('500');
    },
  ],
])('auth that %s is tried again', async (_, fail) => {
  const server = await StreamServer.start([stream(event('a', 1))]);
  const auth = jest
    .fn<string | Promise<string>, []>(() => 't1')
    .mockImplementationOnce(fail)
    .mockImplementationOnce(fail);
  const page = watch({ url: server.url, auth });
  await page.is('waiting');
  expect(page.errors).toMatchObject([{ code: 'auth', message: 'auth failed: 500' }]);
  await jest.advanceTimersByTimeAsync(250);
  await page.is('waiting');
  await jest.advanceTimersByTimeAsync(500);
  await page.got(1);
  expect(auth).toHaveBeenCalledTimes(3);
});

describe('before it expires', () => {
  test.each([
    [3_600, 3_570_000],
    [100, 90_000],
    [1, 5_000],
  ])('a ticket for %d s is refreshed after %d ms, and no event is lost', async (expiresIn, ms) => {
    const server = await StreamServer.start([stream(event('a', 1, 'z.1')), stream(event('a', 2, 'z.2'))]);
    // Else it would be silent for too long.
    const page = watch({ url: server.url, auth: tickets({ expiresIn }), heartbeatMs: 1e9 });
    await page.got(1);
    await jest.advanceTimersByTimeAsync(ms - 1_000);
    expect(server.seen).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(1_000);
    await page.got(1, 2);
    expect(ticketsOf(server)).toEqual(['t1', 't2']);
    expect(server.seen[1]?.query.lastEventId).toBe('z.1');
    expect(page.states).toEqual(['connecting', 'open', 'connecting', 'open']);
  });

  test('a stream goes on if there is no other ticket', async () => {
    const server = await StreamServer.start();
    const auth = jest.fn(async () => ({ ticket: 't1', expiresIn: 100 }));
    const page = watch({ url: server.url, auth, heartbeatMs: 1e9 });
    await page.is('open');
    auth.mockRejectedValueOnce(new Error('502'));
    await jest.advanceTimersByTimeAsync(90_000);
    await until('the error', () => page.errors.length === 1);
    expect([page.client.status.state, server.seen.length]).toEqual(['open', 1]);
    server.seen[0]?.res.end();
    await page.is('waiting');
    await jest.advanceTimersByTimeAsync(250);
    await page.is('open');
    expect(auth).toHaveBeenCalledTimes(3);
  });

  test('a ticket that has expired meanwhile is not sent', async () => {
    const server = await StreamServer.start([refusal(503, { 'retry-after': '600' }), stream()]);
    const page = watch({ url: server.url, auth: tickets({ expiresIn: 100 }) });
    await page.is('waiting');
    await jest.advanceTimersByTimeAsync(600_500);
    await page.is('open');
    expect(ticketsOf(server)).toEqual(['t1', 't2']);
  });
});
