/** Channels of `ssekit/client`: requested in the URL or at run time, kept over reconnects, and asked for again where they are gone. */
import { endPages, stopClocks, type Watched, watch } from './support/page-client';
import { type Answer, changed, event, ready, refusal, type Seen, StreamServer, stream } from './support/stream-server';
import { until } from './support/until';

beforeEach(() => stopClocks());
afterEach(endPages);

/** A server whose streams and changes are answered one after the other, the last of each for ever. */
async function serve(streams: Answer[], changes: Answer[]): Promise<StreamServer> {
  const take = (answers: Answer[]): Answer | undefined => (answers.length > 1 ? answers.shift() : answers[0]);
  return StreamServer.start([(res, req) => take(req.method === 'POST' ? changes : streams)?.(res, req)]);
}

const posts = (server: StreamServer): Seen[] => server.seen.filter(({ method }) => method === 'POST');

/** Waits for `count` changes, and returns their bodies. */
async function bodies(server: StreamServer, count: number): Promise<unknown[]> {
  await until(`${count} changes`, () => posts(server).length >= count);
  return posts(server).map(({ body }) => JSON.parse(body));
}

const granted = (...subscribed: string[]): Answer => changed({ subscribed, unsubscribed: [], refused: [] });

async function cut(server: StreamServer, page: Watched): Promise<void> {
  server.seen
    .filter(({ method }) => method === 'GET')
    .at(-1)
    ?.res.destroy();
  await page.is('waiting');
  await jest.advanceTimersByTimeAsync(500);
  await page.is('open');
}

test('the first channels are requested in the URL', async () => {
  const server = await serve([stream(ready({ channels: ['a', 'b'] }))], []);
  const page = watch({ url: server.url, channels: ['a', 'b'] });
  await page.is('open');
  expect(server.seen[0]?.channels).toEqual(['a', 'b']);
  await cut(server, page);
  expect(server.seen[1]?.channels).toEqual(['a', 'b']);
  expect(posts(server)).toEqual([]);
});

test('changes that are made at once are one request', async () => {
  const server = await serve([stream(ready({ channels: ['a'] }, 'z.1'))], [granted('b', 'c')]);
  const page = watch({ url: server.url, channels: ['a'] });
  page.client.subscribe('b');
  page.client.subscribe('c', { since: 'z.0' });
  page.client.unsubscribe('a');
  await page.is('open');
  const [body] = await bodies(server, 1);
  expect(body).toEqual({
    clientId: 'c1',
    subscribe: [{ channel: 'b' }, { channel: 'c', since: 'z.0' }],
    unsubscribe: ['a'],
    lastEventId: 'z.1',
  });
  expect(posts(server)[0]?.headers).toMatchObject({ 'content-type': 'application/json' });
  expect(page.errors).toEqual([]);
});

test('a channel that the server still has is not asked for again', async () => {
  const server = await serve([stream(ready()), stream(ready({ channels: ['a'] }))], [granted('a')]);
  const page = watch({ url: server.url });
  page.client.subscribe('a');
  await bodies(server, 1);
  await cut(server, page);
  await cut(server, page);
  expect(posts(server)).toHaveLength(1);
});

test('a channel that the server has lost is asked for from where the page had it', async () => {
  const server = await serve(
    [stream(ready() + event('x', 1, 'z.7')), stream(ready() + event('x', 2, 'z.9'))],
    [granted('a')],
  );
  const page = watch({ url: server.url });
  page.client.subscribe('a');
  await bodies(server, 1);
  await page.got(1);
  await cut(server, page);
  expect((await bodies(server, 2))[1]).toMatchObject({ subscribe: [{ channel: 'a', since: 'z.7' }] });
});

test('a channel that was left and comes back is left again', async () => {
  const given = stream(ready({ channels: ['a'] }));
  const server = await serve([given], [changed({ subscribed: [], unsubscribed: ['a'], refused: [] })]);
  const page = watch({ url: server.url });
  await page.is('open');
  page.client.unsubscribe('a');
  await bodies(server, 1);
  await cut(server, page);
  expect((await bodies(server, 2))[1]).toMatchObject({ subscribe: [], unsubscribe: ['a'] });
});

test('a channel that was left before it was there is not mentioned', async () => {
  const server = await serve([stream(ready())], [granted('b')]);
  const page = watch({ url: server.url, channels: ['a'] });
  page.client.unsubscribe('a');
  page.client.subscribe('b');
  await page.is('open');
  expect(await bodies(server, 1)).toMatchObject([{ subscribe: [{ channel: 'b' }], unsubscribe: [] }]);
  expect(server.seen[0]?.channels).toEqual([]);
});

describe('a refusal', () => {
  test.each([
    ['of one channel', changed({ subscribed: ['b'], unsubscribed: [], refused: ['a'] }), 'refused'],
    ['of the whole change', changed({ error: 'too many' }, 429), '429 too many'],
    ['of a page of another origin', changed({ error: 'Origin' }, 403), '403 Origin'],
    ['in plain text', refusal(401, {}, 'Unauthorized'), '401 '],
  ])('%s is an error, and is not asked for again', async (_, answer, why) => {
    const server = await serve([stream(ready())], [answer]);
    const page = watch({ url: server.url });
    page.client.subscribe('a');
    await until('the error', () => page.errors.length === 1);
    expect(page.errors).toMatchObject([{ code: 'channel', message: `No subscription to a: ${why}` }]);
    await jest.advanceTimersByTimeAsync(40_000);
    expect(posts(server)).toHaveLength(1);
    expect(page.client.status.state).toBe('open');
  });
});

describe('a failure', () => {
  test.each([
    ['404', changed({ error: 'no such client' }, 404)],
    ['503', changed({ error: 'draining' }, 503)],
    ['a page', refusal(200, { 'content-type': 'text/html' }, '<!doctype html>')],
    ['a stream, because of a redirect', stream()],
    ['none', (_, req) => req.socket.destroy()],
  ] satisfies [string, Answer][])('%s is told once, and tried again', async (_, answer) => {
    const server = await serve([stream(ready())], [answer, answer, granted('a')]);
    const page = watch({ url: server.url });
    page.client.subscribe('a');
    for (const [count, ms] of [
      [1, 250],
      [2, 500],
    ] as const) {
      await bodies(server, count);
      await until('the pause', () => jest.getTimerCount() >= 2);
      await jest.advanceTimersByTimeAsync(ms);
    }
    await bodies(server, 3);
    expect(page.errors).toMatchObject([{ code: 'channel' }]);
  });

  test('of a stream that is over is nothing', async () => {
    const server = await serve([stream(ready()), stream(ready({ clientId: 'c2' }))], [() => {}, granted('a')]);
    const page = watch({ url: server.url });
    page.client.subscribe('a');
    await bodies(server, 1);
    await cut(server, page);
    expect(await bodies(server, 2)).toMatchObject([{ clientId: 'c1' }, { clientId: 'c2' }]);
    expect(page.errors).toEqual([]);
  });
});
