/** Each refusal of the listener, in whole: which part of the request is wrong, what it got, and what it wants. */
import { type RequestOptions, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { Evaluator, stopEvaluators } from './support/evaluator';

afterAll(stopEvaluators);

/** A text of 40 characters, as long as a secret must be. */
const LONG = 'x'.repeat(40);

/** No refusal may contain it: a value under a misspelt name, a ticket. */
const SECRET = 's3cret';

let server: Evaluator;
let port: number;

beforeAll(async () => {
  server = await Evaluator.start({ limits: { channelsPerClient: 2 } });
  port = await server.evaluate(async ({ sse }, token) => {
    const limits = { urlBytes: 100, bodyBytes: 1_024, bodyTimeoutMs: 1_000 };
    const listener = await sse.listen({ anonymous: true, publish: { token }, limits });
    return listener.port as number;
  }, LONG);
});

function ask(options: RequestOptions, body?: string): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, agent: false, ...options }, async (response) => {
      resolve([response.statusCode as number, await text(response)]);
    });
    sent.once('error', reject).end(body);
  });
}

test.each<[RequestOptions, number, string]>([
  [{ path: '/x' }, 404, 'URL: got the path "/x", wants "/events", or a path of /openapi.json that is switched on.'],
  [
    { path: '/metrics' },
    404,
    'URL: got the path "/metrics", wants "/events", or a path of /openapi.json that is switched on.',
  ],
  [{ path: '/events', method: 'PUT' }, 405, 'Method: got "PUT", wants one of GET, HEAD, POST, OPTIONS.'],
  [{ path: '/events', headers: { accept: 'text/html' } }, 406, 'Accept: got "text/html", wants text/event-stream.'],
  [
    { path: '/events', headers: { host: 'a b' } },
    400,
    'Host: got "a b", wants one host, such as example.com or 127.0.0.1:4000.',
  ],
  [
    { path: '/events?clientId=%C3%A9' },
    400,
    'clientId: got a character outside of ASCII, wants 1 to 256 printable ASCII characters, without a space at either end.',
  ],
  [{ path: '/events?channel=a' }, 403, 'channel: got "a", wants no channel, because this stream is anonymous.'],
])('%j', async (options, status, says) => {
  expect(await ask(options)).toEqual([status, `${says}\n`]);
});

test('a URL that is too long', async () => {
  const path = `/events?ticket=${SECRET}`.padEnd(1_234, 'x');
  expect(await ask({ path })).toEqual([414, 'URL: got 1,234 bytes, wants at most 100 (limits.urlBytes).\n']);
});

const KNOWN = 'known are userId, clientId, channel, broadcast, excludeClientId, event';
const ONE = 'wants exactly one of userId, clientId, channel and broadcast: true';
const EVENT = { data: 1 };

test.each<[unknown, number, string]>([
  [{ userId: 'a', event: {} }, 400, 'event: got neither event nor data, wants at least one of them'],
  [[{ userId: 'a', event: {} }], 400, '[0].event: got neither event nor data, wants at least one of them'],
  [{ event: EVENT }, 400, `body: got no audience, ${ONE}`],
  [[{ userId: 'a', clientId: 'b', event: EVENT }], 400, `[0]: got userId and clientId, ${ONE}`],
  [{ userId: 'a', pasword: SECRET, event: EVENT }, 400, `body.pasword: no such option; ${KNOWN}`],
  [
    [{ userId: 'a', event: { data: 1, retry: -1 } }],
    400,
    '[0].event.retry: got -1, wants milliseconds as a non-negative safe integer',
  ],
  [
    [
      { userId: 'a', event: EVENT },
      { userId: '', event: EVENT },
    ],
    400,
    '[1].userId: got an empty string, wants 1 to 256 bytes',
  ],
  [
    { userId: 'a', excludeClientId: 'b', event: EVENT },
    400,
    'excludeClientId: got it with userId, wants it only with broadcast: true',
  ],
  [{ userId: 'a', event: { data: 'x'.repeat(2_000) } }, 413, 'body: got 2,034 bytes, wants at most 1,024'],
])('POST /publish: %j', async (body, status, says) => {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${LONG}` };
  const [answered, answer] = await ask(
    {
      path: '/publish',
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(JSON.stringify(body)) },
    },
    JSON.stringify(body),
  );
  expect([answered, JSON.parse(answer)]).toEqual([status, { error: says }]);
});

test.each<[unknown, string]>([
  [{ clientId: 'tab' }, 'body: got no channel, wants at least one in subscribe or unsubscribe'],
  [
    { clientId: 'tab', subscribe: [7] },
    'subscribe[0]: got 7, wants the name of a channel, or an object { channel, since? }',
  ],
  [{ clientId: 'tab', subscribe: ['a', { channel: 'b', since: 7 }] }, 'subscribe[1].since: got 7, wants a string'],
  [{ clientId: 'tab', subscribe: [{ since: 'x' }] }, 'subscribe[0].channel: got none, wants a string'],
  [
    { clientId: 'tab', subscribe: [{ channel: 'b', sinse: SECRET }] },
    'subscribe[0].sinse: no such option; known are channel, since',
  ],
  [{ clientId: 'tab', unsubscribe: [''] }, 'unsubscribe[0]: got an empty string, wants 1 to 256 bytes'],
  [
    { clientId: 'tab', unsubscribe: ['a', 'b', 'c'] },
    'unsubscribe: got more than 2 channels, wants at most 2 (limits.channelsPerClient)',
  ],
  [
    { clientId: 'nobody', unsubscribe: ['a'] },
    "clientId: got an id that is not the page's, wants the id of its own stream",
  ],
])('POST /events: %j', async (body, says) => {
  const headers = { 'content-type': 'application/json' };
  const [, answer] = await ask({ path: '/events', method: 'POST', headers }, JSON.stringify(body));
  expect(JSON.parse(answer)).toEqual({ error: says });
});

test('a body of another type', async () => {
  const headers = { 'content-type': 'text/plain', authorization: `Bearer ${LONG}` };
  const [status, answer] = await ask({ path: '/publish', method: 'POST', headers }, '{}');
  expect([status, JSON.parse(answer)]).toEqual([
    415,
    { error: 'Content-Type: got "text/plain", wants application/json' },
  ]);
});

test('a body that does not come', async () => {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${LONG}`, 'content-length': 10 };
  const answer = await new Promise<string>((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, agent: false, path: '/publish', method: 'POST', headers });
    sent.once('response', async (response) => {
      resolve(await text(response));
      sent.destroy();
    });
    sent.once('error', reject).write('{');
  });
  const says = 'body: got only its beginning within 1,000 ms, wants all of it (limits.bodyTimeoutMs)';
  expect(JSON.parse(answer)).toEqual({ error: says });
});
