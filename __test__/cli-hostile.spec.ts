/** Servers and files that try to make the command line end silently, wait for ever, or run out of memory. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EventStreamParser } from '../ts/cli/event-stream/parser';
import { inTime } from '../ts/cli/http/in-time';
import { Cli, runCli, stopClis } from './support/cli';
import { AppFolder, removeFolders } from './support/cli-app';
import { closeServers, pouring, READY, serve, stream } from './support/cli-server';
import { until } from './support/until';

afterEach(async () => {
  await stopClis();
  await closeServers();
});
afterAll(removeFolders);

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nserver: test\r\n\r\n';
const SMALL = { env: { NODE_OPTIONS: '--max-old-space-size=120' } };

test.each([
  ['short data after long comments', `:${'c'.repeat(60_000)}\ndata: 0123456789abcdef\n`, 400_000_000],
  ['endless empty data lines', 'data\n'.repeat(10_000), 100_000_000],
])(
  'memory stays bounded: %s',
  async (_, piece, bytes) => {
    const server = await pouring(HEAD, piece);
    const tail = new Cli(['tail', server.url], SMALL);
    await until(
      'far more is sent than there is memory',
      () => server.written() > bytes || tail.child.exitCode !== null || tail.child.signalCode !== null,
    );
    expect(tail.child.signalCode).toBeNull();
    expect((await tail.stop('SIGINT')).exitCode).toBe(0);
  },
  120_000,
);

test('an event of many lines arrives whole, in pieces of any size', () => {
  const lines = Array.from({ length: 1000 }, (_, n) => (n % 7 === 0 ? '' : `line ${n} `.repeat(n % 5)));
  const bytes = Buffer.from(`${lines.map((line) => `data:${line && ` ${line}`}\n`).join('')}\ndata\n\n`);
  for (const size of [1, 17, bytes.length]) {
    const events: string[] = [];
    const parser = new EventStreamParser({ onEvent: ({ data }) => events.push(data) });
    for (let at = 0; at < bytes.length; at += size) parser.push(bytes.subarray(at, at + size));
    expect(events).toEqual([lines.join('\n'), '']);
  }
});

test('brackets in strings do not hide the depth of data', async () => {
  const deep = `${'["]",'.repeat(3000)}0${']'.repeat(3000)}`;
  const { url } = await serve(stream(`data: ${deep}\n\ndata: end\n\n`));
  const cli = new Cli(['tail', url]);
  await cli.printed('  end\n');
  expect(cli.stdout.length).toBeLessThan(deep.length + 300);
});

test.each(['doctor', 'tail'])('%s reports a switch of protocols', async (command) => {
  const { url } = await pouring('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
  const { exitCode, stdout, stderr } = await runCli([command, url]);
  expect(exitCode).toBe(1);
  expect(`${stdout}${stderr}`).toContain('101');
});

test('a task that ignores its signal does not delay its caller', async () => {
  const never = () => new Promise<never>(() => {});
  expect(await inTime(1, undefined, never)).toBeUndefined();
  const given = new AbortController();
  const task = inTime(60_000, given.signal, never);
  given.abort(new Error('given up'));
  await expect(task).rejects.toThrow('given up');
});

test('doctor examines a stream whose later connections are empty', async () => {
  const opened = (text: string) => (_: unknown, res: import('node:http').ServerResponse) => {
    res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' });
    if (text === '') res.end();
    else res.write(text);
  };
  const { url } = await serve(opened(READY), opened(''));
  expect((await runCli(['doctor', url])).stdout).toContain('first event (ssekit:ready)');
});

const hasPipes = process.platform !== 'win32';

(hasPipes ? test : test.skip).each([
  ...['next.config.ts', 'instrumentation.ts', 'app/api/sse/route.ts', 'features/sse/index.ts', 'package.json'].flatMap(
    (path) => [
      ['init', path],
      ['doctor', path],
    ],
  ),
])('%s does not wait for a %s that is a pipe', async (command, path) => {
  const app = new AppFolder().write({ [path as string]: '' });
  rmSync(join(app.path, path as string));
  spawnSync('mkfifo', [join(app.path, path as string)]);
  const { exitCode, stdout, stderr } = await runCli([command as string], { cwd: app.path });
  expect(exitCode).toBeGreaterThan(0);
  expect(`${stdout}${stderr}`).not.toContain('a bug in ssekit');
});

test.each(['(', '[', '`${'])('a next.config with endless %s is refused', async (opening) => {
  const app = new AppFolder().write({ 'next.config.ts': `export default ${opening.repeat(100_000)}\n` });
  const { exitCode, stdout, stderr } = await app.init();
  expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
  expect(stdout).toContain('it is nested too deep');
});

test('a next.config with endless generic calls is refused at once', async () => {
  const app = new AppFolder().write({ 'next.config.ts': `export default ${'f<T>('.repeat(1000)}\n` });
  const { exitCode, stdout } = await app.init();
  expect(exitCode).toBe(1);
  expect(stdout).toContain('it has 1000 generic calls, and the limit is 8');
});

test('only one module prints', () => {
  const folder = join(__dirname, '..', 'ts', 'cli');
  const writers = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .filter((path) => /console\.|std(out|err)\.write/.test(readFileSync(join(folder, path), 'utf8')));
  expect(writers).toEqual(['output.ts']);
});
