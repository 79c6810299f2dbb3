/** `ssekit send`: an event published from the command line. */
import { runCli, stopClis } from './support/cli';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { freePort } from './support/free-port';
import { placeOf } from './support/nodes';
import { closeClients, RawClient } from './support/raw-client';

const TOKEN = 'a-token-that-only-these-tests-know-of';

let at: string;
let port: number;

beforeAll(async () => {
  const server = await Evaluator.start({ heartbeatMs: 3_600_000 });
  port = (await server.evaluate(async ({ sse }, token) => {
    const tickets = { secret: 's'.repeat(32) };
    return (await sse.listen({ anonymous: true, tickets, publish: { token } })).port;
  }, TOKEN)) as number;
  at = `127.0.0.1:${port}`;
});
afterEach(closeClients);
afterEach(stopClis);
afterAll(stopEvaluators);

const env = { SSEKIT_PUBLISH_TOKEN: TOKEN };
const send = (...args: string[]): ReturnType<typeof runCli> => runCli(['send', at, ...args], { env });

test('an event reaches its client, and send prints its id', async () => {
  const client = await RawClient.stream(port, { path: '/events?clientId=tab' });
  const sent = [
    await send('--client', 'tab', '--event', 'news', '{"a":1}'),
    await send('--broadcast', '--retry', '5', '--id', 'mine', '--text', 'no JSON'),
    await send('--client', 'tab', '--json'),
  ];
  // An anonymous client's ids end with its key.
  const events = (await client.next(3)).map((event) => ({ ...event, id: placeOf(event.id) }));
  expect(events).toMatchObject([
    { event: 'news', data: '{"a":1}' },
    { data: '"no JSON"', id: 'mine', retry: 5 },
    { data: 'null' },
  ]);
  expect(sent.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual([
    [0, ''],
    [0, ''],
    [0, ''],
  ]);
  expect(sent[0]?.stdout).toBe(`sent to 1 connected client, id ${events[0]?.id}\n`);
  expect(sent[1]?.stdout).toBe('sent to 1 connected client, id mine\n');
  expect(JSON.parse(`${sent[2]?.stdout}`)).toEqual({ clients: 1, id: events[2]?.id });
});

test('an unknown client is reported, an absent user is not', async () => {
  expect((await send('--client', 'nobody', '1')).stdout).toBe(
    'sent to 0 connected clients: no such client is connected\n',
  );
  expect((await send('--user', 'ada', '1')).stdout).toMatch(/^sent to 0 connected clients, id \S+\n$/);
});

test('a channel without subscribers has an id, and is no client of that name', async () => {
  const client = await RawClient.stream(port, { path: '/events?clientId=order:42' });
  const sent = await send('--channel', 'order:42', '--event', 'news', '{"a":1}');
  expect(sent).toEqual({
    exitCode: 0,
    stdout: expect.stringMatching(/^sent to 0 connected clients, id \S+\n$/),
    stderr: '',
  });
  await send('--client', 'order:42', '--event', 'last word');
  expect(await client.next(1)).toMatchObject([{ event: 'last word' }]);
});

test.each([
  ['empty', '', 'got an empty string, wants 1 to 256 bytes'],
  ['too long', 'é'.repeat(129), 'got 258 bytes, wants 1 to 256'],
  ['with a line end', 'a\nb', 'got the control character U+000A, wants a name without control characters'],
])('the listener refuses a channel that is %s', async (_, name, says) => {
  const { exitCode, stdout, stderr } = await send('--channel', name);
  expect({ exitCode, stdout, stderr }).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: `ssekit send: refused with 400: channel: ${says}\n`,
  });
});

test('a channel may be named like a property of every object', async () => {
  expect((await send('--channel', '__proto__', '1')).exitCode).toBe(0);
  expect((await send('--channel', 'x'.repeat(256), '1')).exitCode).toBe(0);
});

test('a second send with the same key publishes nothing', async () => {
  const [first, again] = [
    await send('--broadcast', '--idempotency-key', 'k', '1'),
    await send('--broadcast', '--idempotency-key', 'k', '1'),
  ];
  expect(again.stdout).toBe(first.stdout);
});

test('send says why the listener refused', async () => {
  const reserved = await send('--user', 'ada', '--event', 'ssekit:ready', '1');
  expect(reserved.exitCode).toBe(1);
  expect(reserved.stderr).toMatch(/refused with 400: event\.event: .*reserved for ssekit/);
  const stranger = await runCli(['send', at, '--broadcast', '1'], { env: { SSEKIT_PUBLISH_TOKEN: 'wrong' } });
  expect(stranger.exitCode).toBe(1);
  expect(stranger.stderr).toContain('refused with 401: the token is missing or wrong. Set SSEKIT_PUBLISH_TOKEN');
});

test('wrong usage and a missing server exit with 2 and say why', async () => {
  const cases: [args: string[], says: string][] = [
    [[], 'URL: got none, wants the URL of a listener'],
    [[at], 'audience: got none, wants exactly one of --user, --client, --channel, --broadcast'],
    [[at, '--user', 'a', '--broadcast'], 'audience: got --user and --broadcast, wants exactly one of'],
    [[at, '--channel', 'a', '--client', 'a'], 'audience: got --client and --channel, wants exactly one of'],
    [[at, '--channel'], '--channel: got no value, wants one'],
    [[at, '--broadcast', 'no', 'JSON'], 'data: got 2 arguments, wants one. Put data with spaces in quotes.'],
    [[at, '--broadcast', 'no JSON'], 'data: got no JSON, wants JSON. To send it as a string, add --text.'],
    [[at, '--broadcast', '--retry', 'soon'], '--retry: got "soon", wants milliseconds'],
    [[`127.0.0.1:${await freePort()}`, '--broadcast', '1'], 'Nothing listens there'],
  ];
  for (const [args, says] of cases) {
    const { exitCode, stdout, stderr } = await runCli(['send', ...args], { env });
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(says);
  }
});
