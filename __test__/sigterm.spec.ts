/** SIGTERM with a thousand open streams: all get a retry time, the process ends, and all come back to the next one. */
import { type ClientHttp2Session, connect } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import type { SSEStats } from '../index';
import { BUILD_TIMEOUT_MS, NextApp, removeApps } from './support/next-app';
import { killPrograms, Program } from './support/program';
import { closeClients, RawClient, type RequestOptions } from './support/raw-client';
import { until } from './support/until';

const STREAMS = 1_000;

/** The number of clients that connect at once. */
const AT_ONCE = 50;

afterEach(() => {
  closeClients();
  killPrograms();
});
afterAll(removeApps);

async function openAll(port: number, request: RequestOptions): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  while (clients.length < STREAMS) {
    const batch = Array.from({ length: AT_ONCE }, () => RawClient.stream(port, request));
    clients.push(...(await Promise.all(batch)));
  }
  return clients;
}

/** The client's last events; the stream must end cleanly after them. */
function farewellTo(client: RawClient): { retry: number; lastEventId: string } {
  expect(client.isComplete).toBe(true);
  const last = client.events().at(-1);
  expect(last).toMatchObject({ event: 'ssekit:drain', data: JSON.stringify({ reconnectInMs: last?.retry }) });
  return { retry: last?.retry ?? -1, lastEventId: last?.id ?? '' };
}

/** Comes back when it was told to, as an `EventSource` would, to the process that has taken over. */
async function comeBack(client: RawClient, port: number, request: RequestOptions): Promise<number> {
  await until('the end', () => client.ended);
  const { retry, lastEventId } = farewellTo(client);
  await delay(retry);
  const again = await RawClient.stream(port, {
    ...request,
    headers: { ...request.headers, 'last-event-id': lastEventId },
  });
  // The new process knows nothing of the old one's events, and says so first.
  const [next] = await again.next(1);
  expect(next).toMatchObject({ event: 'ssekit:reset', data: '{"reason":"unknown"}' });
  return retry;
}

/** Each client has its own time, between once and twice the requested one. */
function expectJitter(retries: number[], least: number): void {
  expect(retries).toHaveLength(STREAMS);
  expect(Math.min(...retries)).toBeGreaterThanOrEqual(least);
  expect(Math.max(...retries)).toBeLessThanOrEqual(2 * least);
  expect(new Set(retries).size).toBeGreaterThan(least / 4);
}

test(
  'next start ends by itself, and its clients move on',
  async () => {
    const app = await NextApp.built();
    const [old, next] = [await app.serve('start'), await app.serve('start')];
    // The session is a cookie, which both understand.
    const request = await old.streamOf('ada');
    const clients = await openAll(old.port, request);
    await until('all to be handed off', async () => (await old.state()).stats.transports.handoff === STREAMS);
    const ended = old.terminate();
    const retries = Promise.all(clients.map((client) => comeBack(client, next.port, request)));
    expect(await ended).toBe(0);
    expectJitter(await retries, 1_000);
    const { stats } = await until('all to be back', async () => {
      const state = await next.state();
      return state.stats.transports.handoff === STREAMS && state;
    });
    expect([stats.connects, stats.resets]).toEqual([STREAMS, STREAMS]);
    expect([old.complaints, next.complaints]).toEqual([[], []]);
  },
  BUILD_TIMEOUT_MS,
);

test('HTTP/2 streams get earlier events and the farewell', async () => {
  const program = new Program('drains.cjs', ['auto']);
  await program.message();
  const port = await program.ask<number>('listen');
  const sessions = Array.from({ length: 10 }, () => connect(`http://127.0.0.1:${port}`));
  const streams = sessions.flatMap((session) => Array.from({ length: 10 }, () => openStream(session)));
  await until('all to be connected', async () => (await program.ask<SSEStats>('stats')).clients === 100);
  program.send('send 2000 events and end');
  for (const stream of streams) {
    await until('the end of a stream', () => stream.ended);
    expect(stream.error).toBeUndefined();
    expect(stream.text.match(/^data: \{"number":\d+\}$/gm)).toEqual(
      Array.from({ length: 2_000 }, (_, number) => `data: {"number":${number}}`),
    );
    expect(stream.text).toMatch(/event: ssekit:drain\n.*\n\n$/s);
  }
  expect(await program.ends()).toBe('SIGTERM');
  expect(program.stderr).toBe('');
});

interface Http2Stream {
  text: string;
  ended: boolean;
  error?: Error;
}

function openStream(session: ClientHttp2Session): Http2Stream {
  const stream: Http2Stream = { text: '', ended: false };
  const request = session.request({ ':path': '/events', accept: 'text/event-stream' });
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => {
    stream.text += chunk;
  });
  request.on('error', (error) => {
    stream.error = error;
  });
  request.on('close', () => {
    stream.ended = true;
  });
  return stream;
}

test.each(['auto', 'stream'])('a server of plain Node ends by the signal, transport %s', async (transport) => {
  const [old, next] = [new Program('drains.cjs', [transport]), new Program('drains.cjs', [transport])];
  const [from, to] = [await old.message<number>(), await next.message<number>()];
  const clients = await openAll(from, {});
  old.kill('SIGTERM');
  const retries = Promise.all(clients.map((client) => comeBack(client, to, {})));
  expect(await old.ends()).toBe('SIGTERM');
  expect(old.stderr).toBe('');
  expectJitter(await retries, 500);
  await until('all to be back', async () => (await next.ask<SSEStats>('stats')).clients === STREAMS);
  expect(next.stderr).toBe('');
});
