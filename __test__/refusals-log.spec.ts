/** In development each refusal is one line of the server's log: which path, why, and what to do about it. */
import { Evaluator, type Given, stopEvaluators } from './support/evaluator';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

afterEach(async () => {
  closeClients();
  await stopEvaluators();
});

/** The ways to a stream: each returns the status of what it answers. */
const WAYS: [name: string, ask: (server: Evaluator, query: string) => Promise<number>][] = [
  [
    'handleSSE',
    async (server, query) => {
      const client = await RawClient.request(server.port, { path: `/sse?${query}` });
      await until('an answer', () => client.headText);
      return client.status;
    },
  ],
  [
    'connect',
    (server, query) =>
      server.evaluate((given, query) => {
        const client = given.clientOf(new URLSearchParams(query));
        return given.sse.connect(new Request(`http://localhost/sse?${query}`), client).status;
      }, query),
  ],
  [
    'createSSERoute',
    (server, query) =>
      server.evaluate(async (given, query) => {
        const { createSSERoute } = given.require('ssekit/next') as typeof import('../ts/next/index');
        const { GET } = createSSERoute({
          identify: (request) => given.clientOf(new URL(request.url).searchParams),
        });
        return (await GET(new Request(`http://localhost/sse?${query}`))).status;
      }, query),
  ],
];

/** The server's options that cause a refusal, the query of such a request, and the log's line about it. */
const CASES: [name: string, set: (given: Given) => void, query: string, status: number, says: RegExp][] = [
  ['nobody', () => {}, 'token=s3cret', 401, /got no(ne| userId),.*`anonymous: true`/],
  [
    'a client id that cannot be',
    () => {},
    'userId=ada&clientId=%0A',
    400,
    /clientId: got "\\n", wants 1 to 256 printable ASCII/,
  ],
  [
    "another user's client id",
    ({ sse, state }) => {
      state.taken = sse.connect(new Request('http://localhost/?clientId=tab'), { userId: 'bob' });
    },
    'userId=ada&clientId=tab',
    409,
    /another user\. .*clientId/,
  ],
  [
    'too many streams of all',
    ({ SSEService }) => void SSEService.configure({ limits: { clients: 1 } }),
    'userId=ada',
    503,
    /limits\.clients`.*SSEService\.configure/,
  ],
  [
    'too many streams of a user',
    ({ SSEService }) => void SSEService.configure({ limits: { clientsPerUser: 1 } }),
    'userId=ada',
    429,
    /limits\.clientsPerUser`.*SSEService\.configure/,
  ],
  ['the drain', ({ sse }) => void sse.drain(), 'userId=ada', 200, /draining.*reconnect/],
];

/** Starts a server that knows its users by the query, and nobody else. */
async function start(...how: Parameters<typeof Evaluator.start>): Promise<Evaluator> {
  const server = await Evaluator.start(...how);
  await server.evaluate((given) => {
    given.clientOf = (query) => ({ userId: query.get('userId') });
  });
  return server;
}

const linesOf = (server: Evaluator): string[] => server.stderr.split('\n').slice(0, -1);

async function expectLine(server: Evaluator, status: number, says: RegExp): Promise<string> {
  await until('a line', () => linesOf(server).length > 0);
  expect(linesOf(server)).toHaveLength(1);
  const [line = ''] = linesOf(server);
  expect(line).toMatch(status === 200 ? /^ssekit: no stream for \/sse: / : /^ssekit: refused \/sse with \d+: /);
  expect(line).toMatch(says);
  if (status !== 200) expect(line).toContain(`with ${status}:`);
  return line;
}

describe.each(WAYS)('%s', (_, ask) => {
  test.each(CASES)('says why it refuses %s', async (_, set, query, status, says) => {
    const server = await start();
    await server.evaluate(set);
    // With a limit of one stream, that one is open.
    await server.evaluate(({ sse, state }) => {
      state.first = sse.connect(new Request('http://localhost/'), { userId: 'ada', clientId: 'first' });
    });
    if (status === 200) await until('the first line', () => linesOf(server).length === 1);
    server.stderr = '';
    expect(await ask(server, query)).toBe(status);
    const line = await expectLine(server, status, says);
    expect(line).not.toContain('s3cret');
  });

  test('says nothing in production', async () => {
    const server = await start(undefined, { NODE_ENV: 'production' });
    expect(await ask(server, '')).toBe(401);
    await server.evaluate(() => process.stderr.write('end\n'));
    await until('the end', () => server.stderr.includes('end'));
    expect(server.stderr).toBe('end\n');
  });
});

test('too many streams of an address get advice on proxies', async () => {
  const server = await Evaluator.start({ limits: { clientsPerAddress: 1 } });
  await RawClient.stream(server.port, { path: '/sse?userId=ada' });
  await RawClient.request(server.port, { path: '/sse?userId=bob' });
  await expectLine(server, 429, /limits\.clientsPerAddress`.*behind a proxy, pass the `address`/);
});

test('a path cannot forge lines or drive a terminal', async () => {
  const server = await Evaluator.start();
  await server.evaluate(({ sse }) => {
    const request = { url: '/a\nssekit: forged\u001b[31m\u009b', method: 'GET', headers: new Headers() };
    sse.connect(request as never);
  });
  await until('a line', () => server.stderr.includes('\n'));
  expect(linesOf(server)).toHaveLength(1);
  expect(linesOf(server)[0]).toContain('/a\\u000assekit: forged\\u001b[31m\\u009b');
});

const LEFT_OUT = /^ssekit: (\d+) more lines like these were left out$/;

test('a storm of refusals is summed up in the log', async () => {
  const server = await Evaluator.start();
  const refuse = ({ sse }: Given, times: number): void => {
    for (let time = 0; time < times; time += 1) sse.connect(new Request('http://localhost/sse'));
  };
  let refused = 10_000;
  await server.evaluate(refuse, refused);
  const counts = () => linesOf(server).map((line) => Number(LEFT_OUT.exec(line)?.[1] ?? 0));
  // The next line that may be written contains the count, so it takes one more refusal after the storm.
  await until('each to be told, or counted', async () => {
    await server.evaluate(refuse, 1);
    refused += 1;
    const told = counts().filter((count) => count === 0).length;
    const leftOut = counts().reduce((sum, count) => sum + count, 0);
    return told + leftOut === refused;
  });
  expect(linesOf(server).length).toBeLessThan(1_000);
});
