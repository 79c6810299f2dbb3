/** The client in runtimes that are no browser: a `fetch` with other habits, and none of a page's globals. */
import { endPages, stopClocks, watch } from './support/page-client';
import { event, ready, StreamServer, stream } from './support/stream-server';
import { until } from './support/until';

afterEach(endPages);

/** As React Native's: it answers once the whole body is there, and the answer has no `body`. https://github.com/facebook/react-native/issues/12912 */
const whole: typeof fetch = async (url, init) => {
  const answer = await fetch(url, init);
  await answer.arrayBuffer();
  const { status, headers } = answer;
  return { status, headers, url: answer.url, body: undefined } as unknown as Response;
};

describe('with a fetch that answers at the end of the body, without it', () => {
  test('the error says what to do, once the server has ended the stream', async () => {
    const server = await StreamServer.start([stream(ready() + event('greeting', 'hello', 'z.1'))]);
    const page = watch({ url: server.url, fetch: whole });
    (await server.request(1)).res.end();
    await until('the error', () => page.errors.length);
    expect(page.errors).toMatchObject([
      { code: 'refused', status: 200, message: `${server.url} answered a stream: pass a \`fetch\` that reads it` },
    ]);
    expect(page.client.status).toMatchObject({ state: 'waiting', reason: page.errors[0]?.message });
  });

  test('a server that does not end it is a connection without a heartbeat', async () => {
    stopClocks();
    const server = await StreamServer.start([stream(ready())]);
    const page = watch({ url: server.url, fetch: whole, heartbeatMs: 1_000 });
    await server.request(1);
    await jest.advanceTimersByTimeAsync(3_000);
    await page.is('waiting');
    expect(page.errors).toMatchObject([{ code: 'unreachable', message: 'No heartbeat' }]);
  });
});

test('an answer that only has what the client reads will do', async () => {
  const server = await StreamServer.start([stream(ready() + event('greeting', 'hello', 'z.1'))]);
  const seen: string[] = [];
  const page = watch({
    url: server.url,
    fetch: async (url, init) => {
      const { status, headers, body } = await fetch(url, init);
      // Without a class of the web, as in expo/fetch.
      const reader = (body as ReadableStream<Uint8Array>).getReader();
      const readable = { getReader: () => ({ read: () => reader.read() }) };
      seen.push(typeof url);
      return { status, headers: { get: (name: string) => headers.get(name) }, body: readable } as unknown as Response;
    },
  });
  await page.got('hello');
  expect(seen).toEqual(['string']);
});

test('where there is no page and no worker, a stream is not shared', async () => {
  const server = await StreamServer.start([stream(ready() + event('greeting', 'hello', 'z.1'))]);
  const page = watch({ url: server.url, share: 'auto' });
  await page.got('hello');
  expect((await server.request(1)).headers).not.toHaveProperty('ssekit-carrier');
  expect(page.errors).toEqual([]);
});
