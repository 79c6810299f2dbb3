/** `ssekit doctor` behind a real nginx, with a stream of ssekit: it finds what nginx does to the stream, and nothing else. */
import { runCli, stopClis } from './support/cli';
import { startNginx } from './support/proxies';
import { type ProxyProcess, stopProxies } from './support/proxy-process';
import { stopServers, TestServer } from './support/server';
import { until } from './support/until';

const HTTP_1_1 = 'proxy_http_version 1.1;';
const GZIP = 'gzip on; gzip_types text/event-stream; gzip_min_length 1;';
/** ssekit asks nginx not to buffer; this makes it deaf to that. */
const BUFFERING = 'proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;';

const LOCATIONS = {
  plain: HTTP_1_1,
  'http-1.0': '',
  gzip: HTTP_1_1 + GZIP,
  buffering: BUFFERING,
  'buffering-and-gzip': HTTP_1_1 + GZIP + BUFFERING,
  impatient: `${HTTP_1_1} proxy_read_timeout 1s;`,
};

let lively: TestServer;
let nginx: ProxyProcess;
let silent: ProxyProcess;

beforeAll(async () => {
  // A busy machine reads two heartbeats at once if it stands still for longer than this.
  lively = await TestServer.start({ configure: { heartbeatMs: 400 } });
  nginx = await startNginx(lively.port, LOCATIONS);
  const quiet = await TestServer.start({ configure: { heartbeatMs: 3_600_000 } });
  silent = await startNginx(quiet.port, LOCATIONS);
});
afterEach(stopClis);
afterAll(async () => {
  await stopProxies();
  await stopServers();
});

interface Finding {
  id: string;
  level: string;
  seen: string;
  remedy: string;
}

/** Starts doctor, and resolves with what it has found once it has ended. */
async function problemsOf(
  { port }: ProxyProcess,
  path: keyof typeof LOCATIONS,
  ...options: string[]
): Promise<Finding[]> {
  const url = `http://127.0.0.1:${port}/${path}/sse?userId=${path}`;
  const { stdout, stderr, exitCode } = await runCli(['doctor', url, '--json', ...options]);
  expect(stderr).toBe('');
  const problems = JSON.parse(stdout).findings.filter(({ level }: Finding) => level !== 'note');
  expect(exitCode).toBe(problems.length > 0 ? 1 : 0);
  return problems;
}

test.each(['plain', 'http-1.0'] as const)('%s: nginx obeys X-Accel-Buffering, so there is no problem', async (path) => {
  expect(await problemsOf(nginx, path, '--wait', '2')).toEqual([]);
});

test('compression is found, with the responsible line of nginx.conf', async () => {
  const problems = await problemsOf(nginx, 'gzip');
  expect(problems.map(({ id }) => id)).toEqual(['compressed']);
  expect(problems[0]?.remedy).toContain('gzip_types');
});

test.each(['buffering', 'buffering-and-gzip'] as const)('%s: a stream that never arrives is found', async (path) => {
  const problems = await problemsOf(silent, path, '--timeout', '2');
  expect(problems.map(({ id }) => id)).toEqual(['buffered']);
  expect(problems[0]?.remedy).toContain('proxy_buffering off;');
});

test('buffering: a stream that arrives in bursts is found by its heartbeats', async () => {
  const examination = problemsOf(nginx, 'buffering', '--timeout', '100');
  await until('the stream to be open', async () => (await lively.call('getClientsByUser', 'buffering')).length === 1);
  const { heartbeats } = await lively.call('stats');
  await until('some heartbeats', async () => (await lively.call('stats')).heartbeats > heartbeats + 3);
  // More than nginx' buffers hold.
  await lively.call('sendToUser', 'buffering', { event: 'large', data: 'x'.repeat(500_000) });
  const problems = await examination;
  expect(problems.map(({ id }) => id)).toEqual(['bursts']);
  expect(problems[0]?.remedy).toContain('proxy_buffering off;');
});

test('an idle timeout is found, with the setting to change', async () => {
  const problems = await problemsOf(silent, 'impatient', '--wait', '20');
  expect(problems.map(({ id }) => id)).toEqual(['idle-timeout']);
  expect(problems[0]?.remedy).toContain('proxy_read_timeout');
  expect(await problemsOf(nginx, 'impatient', '--wait', '1.5')).toEqual([]);
});
