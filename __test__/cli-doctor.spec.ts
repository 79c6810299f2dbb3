/** `ssekit doctor <url>`: it finds what is wrong with a stream, and has no finding for what is right. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type CliOptions, runCli, stopClis } from './support/cli';
import { answer, closeServers, listening, READY, STREAM_HEAD, serve, shortStream, stream } from './support/cli-server';
import { stopServers, TestServer } from './support/server';

const { certificate } = require('./support/certificate.cjs') as { certificate(): { key: Buffer; cert: Buffer } };

afterEach(async () => {
  await stopClis();
  await closeServers();
});
afterAll(stopServers);

interface Report {
  ok: boolean;
  exitCode: number | null;
  url: string;
  stream: string;
  findings: { id: string; level: string; seen: string; matters: string; remedy: string }[];
  /** `problem compressed` for each finding. */
  ids: string[];
}

async function doctor(args: string[], options?: CliOptions): Promise<Report> {
  const { exitCode, stdout, stderr } = await runCli(['doctor', ...args, '--json'], options);
  if (stdout === '') throw new Error(stderr);
  const report = JSON.parse(stdout);
  return { ...report, exitCode, ids: report.findings.map(({ level, id }: Record<string, string>) => `${level} ${id}`) };
}

const HTTP_1 = 'note http-1.1';

test('a stream of ssekit gets only the note about HTTP/1.1', async () => {
  const server = await TestServer.start({ configure: { heartbeatMs: 100 } });
  const report = await doctor([`127.0.0.1:${server.port}/sse?userId=ada`, '--wait', '0.5']);
  expect(report).toMatchObject({ ok: true, exitCode: 0, ids: [HTTP_1] });
  expect(report.stream).toMatch(
    /^HTTP\/1\.1, 200, text\/event-stream.*first event \(ssekit:ready\) after \d+ ms, watched/,
  );
});

test('a stream that was not handed off is a warning with its usual reasons', async () => {
  const server = await TestServer.start({ configure: { transport: 'stream' } });
  const report = await doctor([`127.0.0.1:${server.port}/sse?userId=ada`]);
  expect(report).toMatchObject({ ok: true, exitCode: 0, ids: [HTTP_1, 'warning not-handed-off'] });
  expect(report.findings[1]?.remedy).toContain('instrumentation');
});

test('the request looks like a browser’s', async () => {
  const { url, requests } = await serve(stream(READY));
  await doctor([url, '--header', 'Cookie: a=b']);
  expect(requests[0]?.headers).toMatchObject({
    accept: 'text/event-stream',
    'accept-encoding': 'gzip, deflate, br',
    connection: 'keep-alive',
    cookie: 'a=b',
  });
});

test('a finding says what, why, and what to do', async () => {
  const { url } = await serve(answer(401));
  const { exitCode, stdout } = await runCli(['doctor', url]);
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(
    /^problem: The answer is 401\.\n {2}why .+\n( {4}.+\n)* {2}do {2}.+\n( {4}.+\n)*\n1 problem\.\n$/m,
  );
});

const withHead = (head: Record<string, string>) => (_: IncomingMessage, res: ServerResponse) => {
  res.writeHead(200, { ...STREAM_HEAD, ...head }).write(READY);
};

test.each([
  ['401', answer(401), ['problem unauthorized']],
  ['401 without a ticket', answer(401, { 'www-authenticate': 'Bearer' }), ['problem ticket']],
  ['404', answer(404), ['problem not-found']],
  ['204', answer(204), ['problem no-content']],
  ['429', answer(429), ['problem refused']],
  ['503 that says when to come back', answer(503, { 'retry-after': '5' }), ['problem refused']],
  ['503', answer(503), ['problem server-error']],
  ['500', answer(500), ['problem server-error']],
  ['418', answer(418), ['problem status']],
  ['a page', answer(200, { 'content-type': 'text/html' }), ['problem content-type']],
  ['no type', answer(200), ['problem content-type']],
  ['a length', stream(READY, { 'content-length': '9000' }), ['problem content-length', HTTP_1]],
  ['another Cache-Control', withHead({ 'cache-control': 'no-cache' }), ['warning no-transform', HTTP_1]],
  ['no X-Accel-Buffering', withHead({ 'x-accel-buffering': '' }), ['warning x-accel-buffering', HTTP_1]],
  ['another stream', stream('data: a\n\n'), [HTTP_1, 'note not-ssekit']],
  ['a stream that ends', shortStream(READY), [HTTP_1, 'problem ended']],
  ['two heartbeats at once', stream(`${READY}:\n:\n`), [HTTP_1, 'problem bursts']],
])('%s is found', async (_, step, ids) => {
  const { url } = await serve(step);
  const report = await doctor([url, '--wait', '0.2']);
  expect(report.ids).toEqual(ids);
  expect(report.exitCode).toBe(ids.some((id) => id.startsWith('problem')) ? 1 : 0);
});

test('a compressed stream is found, and still read', async () => {
  const { url } = await serve((_, res) => {
    res.writeHead(200, { ...STREAM_HEAD, 'content-encoding': 'gzip' }).write(gzipSync(READY));
  });
  const report = await doctor([url]);
  expect(report.ids).toContain('problem compressed');
  expect(report.stream).toContain('first event (ssekit:ready)');
});

test('a redirect to a page is a problem, a redirect to the stream only a note', async () => {
  const page = await serve(answer(302, { location: '/login' }), answer(200, { 'content-type': 'text/html' }));
  expect((await doctor([page.url])).ids).toEqual(['problem redirected', 'problem content-type']);
  const moved = await serve(answer(308, { location: '/sse/' }), stream(READY));
  expect((await doctor([moved.url])).ids).toEqual(['note redirected', HTTP_1]);
});

test('a head without an event is a problem', async () => {
  const { url } = await serve((_, res) => {
    res.writeHead(200, STREAM_HEAD).flushHeaders();
  });
  // Long enough for the head, however busy the machine is: only then is it silence.
  expect((await doctor([url, '--timeout', '4'])).ids).toEqual([HTTP_1, 'problem silent']);
});

test('a late first event is a problem', async () => {
  const { url } = await serve((_, res) => {
    res.writeHead(200, STREAM_HEAD).flushHeaders();
    setTimeout(() => res.write(READY), 1100);
  });
  expect((await doctor([url])).ids).toEqual([HTTP_1, 'problem late']);
});

test('without an answer, a HEAD request tells a buffer from a hanging app', async () => {
  const buffered = await serve((req, res) => {
    if (req.method === 'HEAD') res.writeHead(200, STREAM_HEAD).end();
  });
  expect((await doctor([buffered.url, '--timeout', '2'])).ids).toEqual(['problem buffered']);
  const hanging = await serve(() => {});
  expect((await doctor([hanging.url, '--timeout', '0.3'])).ids).toEqual(['problem no-answer']);
});

test('a connection closed while idle is a problem with its duration', async () => {
  const { url } = await serve((_, res) => {
    res.writeHead(200, STREAM_HEAD).write(READY);
    setTimeout(() => res.destroy(), 1200);
  });
  const report = await doctor([url, '--wait', '5']);
  expect(report.ids).toEqual([HTTP_1, 'problem idle-timeout']);
  const [, seconds] = /after ([\d.]+) s without a byte/.exec(report.findings[1]?.seen ?? '') ?? [];
  const [, heartbeatMs] = /heartbeatMs: (\d+) /.exec(report.findings[1]?.remedy ?? '') ?? [];
  // The connection may close later than asked for, and the remedy follows what was seen, to a tenth of a second.
  expect(Number(seconds)).toBeGreaterThanOrEqual(1.1);
  expect(Number(heartbeatMs)).toBeGreaterThanOrEqual(500);
  expect(Math.abs(Number(heartbeatMs) - Number(seconds) * 500)).toBeLessThanOrEqual(100);
});

describe('over TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ssekit-cli-tls-'));
  const pair = certificate();
  const trusting = { env: { NODE_EXTRA_CA_CERTS: join(folder, 'cert.pem') } };
  beforeAll(() => writeFileSync(join(folder, 'cert.pem'), pair.cert));
  afterAll(() => rmSync(folder, { recursive: true }));

  const secure = async (server: unknown): Promise<string> =>
    (await listening(server as Server)).url.replace('http:', 'https:');

  test('a stream over HTTP/2 has no finding', async () => {
    const server = createSecureServer(pair, (_, res) => {
      res.writeHead(200, STREAM_HEAD);
      res.write(READY);
    });
    const report = await doctor([await secure(server)], trusting);
    expect(report).toMatchObject({ exitCode: 0, ids: [] });
    expect(report.stream).toMatch(/^HTTP\/2, 200/);
  });

  test('a self-signed certificate is explained', async () => {
    const url = await secure(createHttpsServer(pair, stream(READY)));
    const report = await doctor([url]);
    expect(report).toMatchObject({ exitCode: 1, ids: ['problem connection'] });
    expect(report.findings[0]?.seen).toMatch(/is self-signed/);
    expect((await doctor([url], trusting)).ids).toEqual([HTTP_1]);
  });
});

test('plain HTTP instead of TLS, and no HTTP at all, are explained', async () => {
  const { port } = await serve(stream(READY));
  const [plain] = (await doctor([`https://127.0.0.1:${port}/`])).findings;
  expect(plain?.seen).toMatch(/does not speak TLS.*wrong version number/);
  const tcp = createTcpServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n'));
  const [other] = (await doctor([(await listening(tcp as Server)).url])).findings;
  expect(other?.seen).toMatch(/does not speak HTTP/);
});

test('nothing to examine exits with 2', async () => {
  const { url } = await serve(stream(''));
  await closeServers();
  const { exitCode, stdout, stderr } = await runCli(['doctor', url]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toContain('Nothing listens there');
});
