/** Other people's clients and publishers at the listener, as they are. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ListenOptions } from '../index';
import { CuttingProxy } from './support/cutting-proxy';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { PYTHON, ThirdPartyClient } from './support/third-party';
import { until } from './support/until';

const { certificate }: { certificate(): { cert: Buffer; key: Buffer } } = require('./support/certificate.cjs');

const TOKEN = 'a-token-that-only-these-tests-know-of';
const run = promisify(execFile);

let server: Evaluator;
beforeAll(async () => {
  server = await Evaluator.start({ heartbeatMs: 100, retryMs: 0 });
});
afterAll(stopEvaluators);

/** Listens, and returns the port. */
async function listen(options: ListenOptions): Promise<number> {
  return (await server.evaluate(async ({ sse }, options) => (await sse.listen(options)).port, options)) as number;
}

const send = (user: string, event: object): Promise<number> =>
  server.evaluate(({ sse }, user, event) => sse.sendToUser(user, event as never), user, event);

const nobodyIsLeft = (): Promise<boolean> =>
  until('nobody to be left', () => server.evaluate(({ sse }) => sse.getActiveClients().length === 0));

describe.each([
  'eventsource.mjs',
  'eventsource2.mjs',
  'eventsource-client.mjs',
  'fetch-event-source.mjs',
  'undici.mjs',
  'httpx_sse_client.py',
  'sseclient_py_client.py',
])('%s', (file) => {
  test('gets every event, also those sent while it is cut off', async () => {
    const port = await listen({ tickets: { secret: 's'.repeat(32) } });
    const ticket = await server.evaluate(
      ({ sse }, userId) => sse.issueTicket({ userId, clientId: userId, secret: 's'.repeat(32) }),
      file,
    );
    const client = ThirdPartyClient.start(file);
    const cuts = [5, 10, 15].map((n) => ({ after: `data: ${n}\n`, bytes: 0 }));
    const proxy = await CuttingProxy.start(port, cuts);
    const stream = client.open(`http://127.0.0.1:${proxy.port}/events?ticket=${ticket}`, ['news', 'last']);
    await stream.upTo('ssekit:ready');
    for (let n = 0; n < 20; n += 1) await send(file, { event: 'news', data: n });
    await send(file, { event: 'last', data: null });
    const events = await stream.upTo('last');
    const news = events.filter(({ name }) => name === 'news').map(({ data }) => Number(data));
    expect(news).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(events.filter(({ name }) => name === 'ssekit:reset')).toEqual([]);
    expect(proxy.pending).toEqual([]);
    await client.stop();
    proxy.stop();
    await nobodyIsLeft();
  });
});

test.each(['httpx_publisher.py', 'requests_publisher.py'])('%s publishes', async (script) => {
  const port = await listen({ publish: { token: TOKEN } });
  const before = (await server.evaluate(({ sse }) => sse.stats())).events;
  const body = JSON.stringify({ userId: 7, event: { event: 'größe', data: ['日本語'] } });
  const program = join(__dirname, 'clients', script);
  const { stdout } = await run(PYTHON, [program, `http://127.0.0.1:${port}/publish`, TOKEN, body]);
  expect(JSON.parse(stdout)).toEqual({ clients: 0, id: expect.stringMatching(/^[0-9a-z]{10}\.\d+$/) });
  expect((await server.evaluate(({ sse }) => sse.stats())).events).toBe(before + 1);
  const bad = run(PYTHON, [program, `http://127.0.0.1:${port}/publish`, `${TOKEN}x`, body]);
  await expect(bad).rejects.toMatchObject({ code: 1, stdout: 'Unauthorized.\n\n' });
});

describe('curl', () => {
  let folder: string;
  let running: ChildProcess | undefined;
  const pair = certificate();

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ssekit-curl-'));
    writeFileSync(join(folder, 'cert.pem'), pair.cert);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  afterEach(async () => {
    running?.kill('SIGKILL');
    await nobodyIsLeft();
  });

  /** Everything that curl prints: the head and the stream. */
  function curl(...args: string[]): { text: string } {
    const output = { text: '' };
    running = spawn('curl', ['--silent', '--no-buffer', '--include', ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    running.stdout?.on('data', (bytes) => {
      output.text += bytes;
    });
    return output;
  }

  test.each([
    ['HTTP/1.1', false, ['--http1.1'], /^HTTP\/1\.1 200 OK\r\n/],
    ['HTTP/1.0', false, ['--http1.0'], /^HTTP\/1\.1 200 OK\r\n/],
    ['HTTP/2 by prior knowledge', false, ['--http2-prior-knowledge'], /^HTTP\/2 200/],
    ['HTTP/1.1 over TLS', true, ['--http1.1'], /^HTTP\/1\.1 200 OK\r\n/],
    ['HTTP/2 over TLS', true, ['--http2'], /^HTTP\/2 200/],
  ] as const)('reads a stream over %s', async (_, tls, args, status) => {
    const port = await listen({ anonymous: true, ...(tls && { tls: pair }) });
    const trust = ['--cacert', join(folder, 'cert.pem')];
    const output = curl(...trust, ...args, `${tls ? 'https' : 'http'}://localhost:${port}/events`);
    await until('the first event', () => output.text.includes('event: ssekit:ready\n'));
    await server.evaluate(({ sse }) => sse.broadcast({ event: 'news', data: 1 }));
    await until('the event', () => output.text.includes('event: news\ndata: 1\n'));
    // An idle stream has heartbeats.
    await until('heartbeats', () => /\n:\n+:\n/.test(output.text));
    expect(output.text).toMatch(status);
    expect(output.text.toLowerCase()).toContain('content-type: text/event-stream; charset=utf-8\r\n');
  });

  test.each([['--http1.1'], ['--http2-prior-knowledge']])('publishes over %s', async (version) => {
    const port = await listen({ publish: { token: TOKEN } });
    const headers = ['-H', `Authorization: Bearer ${TOKEN}`, '-H', 'Content-Type: application/json'];
    const body = JSON.stringify([{ userId: 'ada', event: { data: 1 } }]);
    const { stdout } = await run('curl', ['-sS', version, ...headers, '-d', body, `http://127.0.0.1:${port}/publish`]);
    expect(JSON.parse(stdout)).toMatchObject([{ clients: 0 }]);
  });
});
