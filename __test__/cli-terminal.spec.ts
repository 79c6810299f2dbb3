/** A server's output cannot control the user's terminal, fill the memory, or keep the command line busy. */
import fc from 'fast-check';
import { painter, printable, visible } from '../ts/cli/output';
import { Cli, type CliResult, runCli, stopClis } from './support/cli';
import { answer, closeServers, pouring, READY, serve, shortStream, stream } from './support/cli-server';
import { until } from './support/until';

afterEach(async () => {
  await stopClis();
  await closeServers();
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for.
const UNSAFE = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

const HOSTILE = [
  ...['\x1b[31m', '\x1b]0;title\x07', '\x1b]8;;http://evil\x1b\\', '\x9b2J', '\x9d52;c;AAAA\x9c', '\x7f', '\x00', '\r'],
  ...['\u202e', '\u2066', '\u200f', '\u061c', '\u2028', '\u2029', '\b', '\nssekit: all is well\n', '"', '\\', '😀'],
];

/** Text that always has something dangerous in it. */
const hostile = fc
  .tuple(fc.constantFrom(...HOSTILE), fc.array(fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary' }))))
  .map(([first, rest]) => [...rest, first].join(''));

function isSafe({ stdout, stderr }: Pick<CliResult, 'stdout' | 'stderr'>): void {
  expect(stdout).not.toMatch(UNSAFE);
  expect(stderr).not.toMatch(UNSAFE);
}

/** Each run is a process of its own. */
const RUNS = { numRuns: 4 };

test('no printed text contains a character that controls a terminal', () => {
  const paint = painter({ isTTY: true } as never, {});
  fc.assert(
    fc.property(hostile, (text) => {
      expect(visible(text)).not.toMatch(UNSAFE);
      expect(printable(text)).not.toMatch(UNSAFE);
      // Our own colours come through, and nothing else.
      const coloured = visible(paint('red', text));
      expect(coloured.startsWith('\x1b[31m') && coloured.endsWith('\x1b[39m')).toBe(true);
      expect(coloured.slice(5, -5)).not.toMatch(UNSAFE);
    }),
  );
});

test('send escapes every answer', async () => {
  const args = ['--broadcast', '1'];
  await fc.assert(
    fc.asyncProperty(hostile, fc.constantFrom(200, 400, 500), async (text, status) => {
      const receipt = JSON.stringify({ clients: 1, id: text });
      for (const body of [
        text,
        receipt,
        JSON.stringify({ error: text }),
        JSON.stringify({ error: { [text]: text } }),
      ]) {
        const { url } = await serve(answer(status, {}, body));
        const [shown, json] = [await runCli(['send', url, ...args]), await runCli(['send', url, ...args, '--json'])];
        isSafe(shown);
        isSafe(json);
        expect(`${shown.stdout}${shown.stderr}`.trimEnd()).not.toContain('\n');
        if (status === 200 && body === receipt) expect(JSON.parse(json.stdout)).toEqual(JSON.parse(receipt));
      }
    }),
    RUNS,
  );
}, 120_000);

test('send prints an error that is not a string as JSON', async () => {
  const { url } = await serve(answer(400, {}, '{"error":{"code":7}}'));
  const { exitCode, stderr } = await runCli(['send', url, '--broadcast', '1']);
  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr: 'ssekit send: refused with 400: {"error":{"code":7}}\n',
  });
});

test('tail escapes every event, and its JSON keeps the value', async () => {
  await fc.assert(
    fc.asyncProperty(hostile, async (text) => {
      const line = text.replace(/[\r\n]/g, ' ');
      const data = JSON.stringify(text);
      const body = `event: x${line}\nid: x${line.replaceAll('\0', '')}\ndata: x${line}\n\ndata: ${data}\n\ndata: end\n\n`;
      const { url } = await serve(stream(body));
      const [shown, json] = [new Cli(['tail', url]), new Cli(['tail', url, '--json'])];
      await Promise.all([shown.printed('  end\n'), json.printed('"end"')]);
      isSafe(shown);
      isSafe(json);
      const events = json.stdout
        .trim()
        .split('\n')
        .map((printed) => JSON.parse(printed));
      // As it is after it went over the wire, where there are no halves of surrogate pairs.
      expect(events[0].event).toBe(Buffer.from(`x${line}`).toString());
      expect(JSON.parse(events[1].data)).toBe(text);
      await stopClis();
    }),
    RUNS,
  );
}, 120_000);

test('doctor and tail escape the head', async () => {
  // Node.js lets this through in a header.
  const type = 'text/\x85\x9b31m\x9d0;title\x9c';
  const { url } = await serve(answer(200, { 'content-type': type }));
  for (const args of [
    ['doctor', url],
    ['doctor', url, '--json'],
    ['tail', url],
  ]) {
    const result = await runCli(args);
    isSafe(result);
    expect(`${result.stdout}${result.stderr}`).toMatch(/\\x9b31m|\\u009b31m/);
    if (args.includes('--json')) expect(JSON.parse(result.stdout).stream).toContain('\\x9b31m');
  }
});

test('doctor escapes the name of an event', async () => {
  const { url } = await serve(stream('event: \x1b]0;t\x07\u202e\u009b\ndata: 1\n\n'));
  for (const option of [[], ['--json']]) {
    const result = await runCli(['doctor', url, ...option]);
    isSafe(result);
    expect(result.stdout).toContain('The first event is');
  }
});

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nserver: test\r\n\r\n';
/** Room for the longest event, and far less than is sent. */
const SMALL = { env: { NODE_OPTIONS: '--max-old-space-size=120' } };
const FAR_MORE = 400 * 1024 * 1024;

test.each([
  ['a line that never ends', HEAD, 'x'.repeat(65_536)],
  ['an event that never ends', `${HEAD}data: x\n`, `data: ${'y'.repeat(1000)}\n`.repeat(60)],
  ['a comment that never ends', `${HEAD}:`, 'z'.repeat(65_536)],
])(
  '%s does not fill the memory of tail or doctor',
  async (_, head, piece) => {
    const server = await pouring(head, piece);
    const tail = new Cli(['tail', server.url], SMALL);
    await until(
      'far more is sent than there is memory',
      () => server.written() > FAR_MORE || tail.child.exitCode !== null,
    );
    expect(tail.child.exitCode).toBeNull();
    expect((await tail.stop('SIGINT')).exitCode).toBe(0);
    const examined = await runCli(['doctor', server.url, '--timeout', '3'], SMALL);
    expect(examined).toMatchObject({ exitCode: 1, stderr: '' });
  },
  120_000,
);

test('tail reports an overlong event and prints the next', async () => {
  const { url } = await serve(stream(`data: ${'x'.repeat(17 * 1024 * 1024)}\nid: 1\n\ndata: next\n\n`));
  const cli = new Cli(['tail', url]);
  await cli.printed('  next\n');
  expect(cli.stderr).toContain('left out an event of more than 16777216 characters');
  expect(cli.stdout.length).toBeLessThan(200);
});

test('send gives up on an endless answer', async () => {
  const server = await pouring('HTTP/1.1 400 Bad\r\n\r\n', 'x'.repeat(65_536));
  const { exitCode, stderr } = await runCli(['send', server.url, '--broadcast', '1'], SMALL);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('the answer is longer than 65,536 bytes');
});

test('tail does not indent deeply nested data', async () => {
  const deep = `${'['.repeat(3000)}${'[],'.repeat(15_000)}[]${']'.repeat(3000)}`;
  const { url } = await serve(stream(`data: ${deep}\n\ndata: end\n\n`));
  const cli = new Cli(['tail', url], SMALL);
  await cli.printed('  end\n');
  expect(cli.stdout.length).toBeLessThan(deep.length + 300);
});

test('a retry of 0 does not make tail loop', async () => {
  const { url } = await serve(shortStream('retry: 0\ndata: a\n\n'));
  const cli = new Cli(['tail', url]);
  await cli.printed('reconnecting in', 'stderr');
  expect(cli.stderr).toContain('reconnecting in 250 ms');
});

test('tail reconnects after an id that no header can carry', async () => {
  const { url } = await serve(shortStream('retry: 0\nid: \x01\ndata: a\n\n'), stream('data: b\n\n'));
  await new Cli(['tail', url]).printed('  b\n');
});

test.each(['tail', 'doctor'])(
  '%s sends no header of the user to another origin',
  async (command) => {
    // Without a name in `server`, doctor opens connections of its own to look at who carries the stream.
    const bare = (_: unknown, res: import('node:http').ServerResponse): void => {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).write(READY);
    };
    const target = await serve(bare);
    const back = await serve(answer(307, { location: target.url }));
    const source = await serve(answer(302, { location: back.url }));
    const secrets = ['Authorization: s', 'Cookie: s', 'X-Api-Key: s', 'X-Whatever: s'];
    const cli = new Cli([command, source.url, ...secrets.flatMap((secret) => ['--header', secret])]);
    if (command === 'tail') await cli.printed('ssekit:ready');
    else await cli.ended;
    expect(source.requests[0]?.headers).toMatchObject({ authorization: 's', cookie: 's', 'x-api-key': 's' });
    const others = [...back.requests, ...target.requests];
    expect(others.length).toBeGreaterThan(1);
    for (const { headers } of others) expect(Object.values(headers)).not.toContain('s');
  },
  30_000,
);
