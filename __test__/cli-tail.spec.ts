/** `ssekit tail`: it prints events, and follows the stream as a page does. */
import { Cli, runCli, stopClis } from './support/cli';
import { answer, closeServers, READY, serve, shortStream, stream } from './support/cli-server';
import { stopServers, TestServer } from './support/server';
import { until } from './support/until';

afterEach(async () => {
  await stopClis();
  await closeServers();
});
afterAll(stopServers);

const EVENT = 'event: order\ndata: {"id":7,"items":["tea"]}\nid: e.1\n\n';

test('tail prints the name, id and data of an event', async () => {
  const server = await TestServer.start();
  const cli = new Cli(['tail', `http://localhost:${server.port}/sse?userId=ada`]);
  await cli.printed('ssekit:ready');
  await server.call('sendToUser', 'ada', { event: 'order', data: { id: 7 }, id: 'abc' });
  await cli.printed(/^\d\d:\d\d:\d\d\.\d{3} {2}order {2}id abc\n {2}\{\n {4}"id": 7\n {2}\}\n/m);
  const { exitCode, stderr } = await cli.stop('SIGINT');
  expect(exitCode).toBe(0);
  expect(stderr).toBe(`-- connected to http://localhost:${server.port}/sse?userId=ada (HTTP/1.1)\n`);
});

test('tail prints other data than JSON as text, escaped', async () => {
  const { url } = await serve(stream('data: hello\ndata: \x1b[31mred\n\n'));
  const cli = new Cli(['tail', url]);
  await cli.printed('message\n  hello\n  \\x1b[31mred\n');
});

test('--json prints one object per line, with the data as text', async () => {
  const { url } = await serve(stream(EVENT + EVENT));
  const cli = new Cli(['tail', url, '--json']);
  await until('two lines', () => cli.stdout.split('\n').length === 3);
  const [first] = cli.stdout.split('\n').map((line) => line && JSON.parse(line));
  expect(first).toEqual({ time: expect.any(String), event: 'order', id: 'e.1', data: '{"id":7,"items":["tea"]}' });
  expect(new Date(first.time).toISOString()).toBe(first.time);
});

const POSITION = 'event: ssekit:position\ndata: {}\nid: e.2\n\n';

test('a position moves the id, and is printed only with --all', async () => {
  const { url, requests } = await serve(shortStream(`retry: 0\n${EVENT}${POSITION}`), stream(EVENT));
  const cli = new Cli(['tail', url, '--json']);
  await until('two events', () => cli.stdout.split('\n').length === 3);
  expect(cli.stdout).not.toContain('ssekit:position');
  expect(requests.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, 'e.2']);

  const other = await serve(stream(POSITION));
  const all = new Cli(['tail', other.url, '--all']);
  await all.printed('ssekit:position  id e.2\n  {}\n');
});

test('an event of 1 MiB arrives whole', async () => {
  const data = 'é😀'.repeat((1024 * 1024) / 6);
  const { url } = await serve(stream(`data: ${data}\r\n\r\n`));
  const cli = new Cli(['tail', url, '--json']);
  await until('the event', () => cli.stdout.endsWith('\n'));
  expect(JSON.parse(cli.stdout).data).toBe(data);
});

test('tail reconnects after retry, from the last complete event', async () => {
  const { url, requests } = await serve(
    shortStream('retry: 20\nid: 1\ndata: a\n\nid: 2\ndata: lost'),
    stream('data: b\n\n'),
  );
  const cli = new Cli(['tail', url]);
  await cli.printed('  b\n');
  expect(cli.stdout).not.toContain('lost');
  expect(cli.stderr).toContain('-- the connection was closed; reconnecting in 250 ms\n');
  expect(requests.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '1']);
});

test('tail waits for an absent server, also behind a proxy', async () => {
  const broken = (_: unknown, res: { socket: { destroy(): void } | null }): void => res.socket?.destroy();
  const { url, requests } = await serve(shortStream(READY), broken, answer(502), answer(503), stream(EVENT));
  const cli = new Cli(['tail', url]);
  await cli.printed('order');
  expect(cli.stderr).toMatch(/closed the connection.*\n.*answered 502.*\n.*answered 503/);
  expect(requests.length).toBe(5);
});

test('--last-event-id and --header are sent', async () => {
  const { url, requests } = await serve(stream(EVENT));
  const args = ['--last-event-id', 'e.0', '--header', 'Cookie: a=b', '--header', 'X-Own:  c '];
  const cli = new Cli(['tail', url, ...args]);
  await cli.printed('order');
  expect(requests[0]?.headers).toMatchObject({
    accept: 'text/event-stream',
    'last-event-id': 'e.0',
    cookie: 'a=b',
    'x-own': 'c',
  });
});

test.each([
  ['', ['news'], 'channel=news'],
  ['?a=%20b&channel=x', ['order:42', 'a&b=c d'], 'a=%20b&channel=x&channel=order%3A42&channel=a%26b%3Dc%20d'],
  ['', ['__proto__', '€'], 'channel=__proto__&channel=%E2%82%AC'],
  ['', ['x'.repeat(256)], `channel=${'x'.repeat(256)}`],
])('tail of …%s asks for the channels %j on every connection', async (query, names, asked) => {
  const { url, requests } = await serve(shortStream(READY), stream(EVENT));
  const cli = new Cli(['tail', url + query, ...names.flatMap((name) => ['--channel', name])]);
  await cli.printed('order');
  expect(requests.map((request) => request.url)).toEqual([`/sse?${asked}`, `/sse?${asked}`]);
});

test.each([
  ['', '""'],
  ['x'.repeat(257), `"${'x'.repeat(99)}… (159 more characters)`],
  ['é'.repeat(129), '"ééé'],
  ['a\nb', '"a\\nb"'],
  ['\x85', '"\\x85"'],
])('--channel %j is wrong usage', async (name, got) => {
  const { url, requests } = await serve(stream(EVENT));
  const { exitCode, stdout, stderr } = await runCli(['tail', url, '--channel', 'fine', '--channel', name]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toContain(`--channel: got ${got}`);
  expect(requests).toEqual([]);
});

test('tail follows a redirect, and sends no secrets to another origin', async () => {
  const target = await serve(stream(EVENT));
  const source = await serve(answer(307, { location: target.url }));
  const cli = new Cli(['tail', source.url, '--header', 'Cookie: secret', '--header', 'X-Own: c']);
  await cli.printed('order');
  expect(source.requests[0]?.headers.cookie).toBe('secret');
  expect(target.requests[0]?.headers.cookie).toBeUndefined();
  expect(source.requests[0]?.headers['x-own']).toBe('c');
  expect(target.requests[0]?.headers).toMatchObject({ accept: 'text/event-stream' });
  expect(target.requests[0]?.headers['x-own']).toBeUndefined();
});

test.each([
  ['401', answer(401), /answered 401: it does not know the user/],
  ['401 without a ticket', answer(401, { 'www-authenticate': 'Bearer realm="x"' }), /answered 401: it wants a ticket/],
  ['404', answer(404), /answered 404/],
  ['204', answer(204), /answered 204: the stream is over/],
  ['a page', answer(200, { 'content-type': 'text/html' }), /with text\/html, not with text\/event-stream/],
])('%s is final, as for a browser', async (_, step, reason) => {
  const { url, requests } = await serve(step);
  const { exitCode, stdout, stderr } = await runCli(['tail', url]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
  expect(stderr).toMatch(reason);
  expect(requests.length).toBe(1);
});

test('tail without a server exits with 2', async () => {
  const { url } = await serve(stream(''));
  await closeServers();
  const { exitCode, stderr } = await runCli(['tail', url]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining('Nothing listens there') });
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s ends tail cleanly, also while it waits for the server',
  async (signal) => {
    const { url } = await serve(shortStream('retry: 3600000\ndata: a\n\n'));
    const cli = new Cli(['tail', url]);
    await cli.printed('reconnecting in 3600 s', 'stderr');
    expect((await cli.stop(signal)).exitCode).toBe(0);
  },
);

test('tail ends cleanly when its reader is gone', async () => {
  const { url } = await serve((_, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    const timer = setInterval(() => res.write(EVENT), 5);
    res.once('close', () => clearInterval(timer));
  });
  const cli = new Cli(['tail', url]);
  await cli.printed('order');
  cli.child.stdout.destroy();
  const { exitCode, stderr } = await cli.ended;
  expect(exitCode).toBe(0);
  expect(stderr).not.toContain('EPIPE');
});
