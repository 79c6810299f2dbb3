/** The listener does not need Node.js: while its main thread stands still, clients come and go and get what others publish. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BodyClient, closeBodyClients, PROTOCOLS } from './support/body-client';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { until } from './support/until';

const { certificate }: { certificate(): { cert: Buffer; key: Buffer } } = require('./support/certificate.cjs');

const TOKEN = 'a-token-that-only-these-tests-know-of';
const SECRET = 'a secret that only these tests know of';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ssekit-blocked-'));
});
afterEach(closeBodyClients);
afterEach(stopEvaluators);
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Blocks the main thread of a server until `release` is called; the promise of `ended` is that of the blocking call. */
async function block(server: Evaluator): Promise<{ release(): void; ended: Promise<unknown> }> {
  const [begun, released] = ['begun', 'released'].map((name) => join(folder, name)) as [string, string];
  const ended = server.evaluate(
    ({ require }, begun, released) => {
      const fs = require('node:fs') as typeof import('node:fs');
      const nothing = new Int32Array(new SharedArrayBuffer(4));
      fs.writeFileSync(begun, '');
      while (!fs.existsSync(released)) Atomics.wait(nothing, 0, 0, 1);
    },
    begun,
    released,
  );
  await until('the main thread to stand still', () => existsSync(begun));
  return { release: () => writeFileSync(released, ''), ended };
}

/** A request to Node's own server of the process: whether it is answered says whether Node.js goes on. */
function askNode(port: number): { answered: boolean } {
  const asked = { answered: false };
  fetch(`http://127.0.0.1:${port}/sse?clientId=of-node`).then(async (response) => {
    asked.answered = true;
    await response.body?.cancel();
  });
  return asked;
}

interface Answer {
  status: number;
  text: string;
}

function ask(port: number, path: string, headers: Record<string, string> = {}, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const sent = request({ port, path, method, headers, agent: false, rejectUnauthorized: false }, async (response) => {
      let text = '';
      for await (const part of response) text += part;
      resolve({ status: response.statusCode ?? 0, text });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const publish = (port: number, body: object): Promise<Answer> => {
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
  return ask(port, '/publish', headers, JSON.stringify(body));
};

test.each(PROTOCOLS)('over %s', async (protocol) => {
  const server = await Evaluator.start();
  const tls = protocol === 'http' ? undefined : certificate();
  const [port, control, ticket] = await server.evaluate(
    async ({ sse }, options, pair, token, secret) => {
      const streams = await sse.listen({ ...options, tickets: { secret } });
      const control = await sse.listen({ tls: pair, publish: { token }, metrics: true });
      return [streams.port, control.port, sse.issueTicket({ userId: 'ada' })] as [number, number, string];
    },
    { ...(tls && { tls: { cert: `${tls.cert}`, key: `${tls.key}` } }) },
    (({ cert, key }) => ({ cert: `${cert}`, key: `${key}` }))(certificate()),
    TOKEN,
    SECRET,
  );
  const before = await BodyClient.open(protocol, port, `/events?ticket=${ticket}&clientId=before`);

  const blocked = await block(server);
  const node = askNode(server.port);
  // It accepts, checks tickets, and opens streams.
  const during = await BodyClient.open(protocol, port, `/events?ticket=${ticket}&clientId=during`);
  expect(during.events[0]).toMatchObject({ event: 'ssekit:ready', data: expect.stringContaining('"userId":"ada"') });
  // It takes publications, answers, and delivers.
  for (let number = 0; number < 100; number += 1) {
    const { status, text } = await publish(control, { userId: 'ada', event: { event: 'news', data: number } });
    expect([status, JSON.parse(text).clients]).toEqual([200, 2]);
  }
  for (const client of [before, during]) {
    expect((await client.next(100)).map(({ data }) => Number(data))).toEqual(Array.from({ length: 100 }, (_, n) => n));
  }
  // A client that leaves is noticed, and one that returns resumes where it was.
  during.leave();
  await until('it to be gone', async () => (await ask(control, '/metrics')).text.includes('ssekit_away 1\n'));
  await publish(control, { userId: 'ada', event: { event: 'news', data: 'missed' } });
  const seen = during.events.at(-1)?.id;
  const back = await BodyClient.open(
    protocol,
    port,
    `/events?ticket=${ticket}&clientId=during&lastEventId=${encodeURIComponent(seen ?? '')}`,
  );
  expect((await back.next(1)).map(({ data }) => data)).toEqual(['"missed"']);
  expect((await ask(control, '/healthz')).status).toBe(200);
  // All that while Node.js has not turned.
  expect(node.answered).toBe(false);

  blocked.release();
  await blocked.ended;
  await until('Node.js to answer', () => node.answered);
});
