/** Requests for streams are taken in turns, so that others are served while thousands of pages come. */
import { connect, type Socket } from 'node:net';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

const { Line }: typeof import('../ts/server/resume/line') = require('../dist/server/resume/line.js');

afterEach(closeClients);
afterEach(stopEvaluators);

const HEADERS = { accept: 'text/event-stream' };

/** A server that notes in which order it handles requests: `/sse` is a stream, and anything else is not. */
async function start(): Promise<Evaluator> {
  const server = await Evaluator.start();
  await server.evaluate(async ({ require, handleSSE, state }) => {
    state.handled = [];
    const http = require('node:http').createServer((req: { url: string }, res: { end(): void }) => {
      state.handled.push(req.url);
      if (req.url.startsWith('/sse')) handleSSE(req as never, res as never, { userId: req.url });
      else res.end();
    });
    await new Promise<void>((listening) => http.listen(0, '127.0.0.1', listening));
    state.port = http.address().port;
    state.accepted = () =>
      new Promise((counted) => http.getConnections((_: unknown, connections: number) => counted(connections)));
  });
  return server;
}

const portOf = (server: Evaluator): Promise<number> => server.evaluate(({ state }) => state.port);
const handled = (server: Evaluator): Promise<string[]> => server.evaluate(({ state }) => state.handled);

/** Keeps the process busy, so that it accepts and reads nothing, until its kernel has this many connections, all or with unread bytes. */
async function meanwhile(
  server: Evaluator,
  wanted: { connections: number; unread: boolean },
  connect: () => void,
): Promise<number> {
  const kept = server.evaluate(({ require, state }, { connections, unread }) => {
    const { readFileSync } = require('node:fs');
    const port = state.port.toString(16).toUpperCase().padStart(4, '0');
    const local = new RegExp(`^ *\\d+: [0-9A-F]{8}:${port} \\S+ 01 [0-9A-F]{8}:${unread ? '0*[1-9A-F]' : ''}`);
    const count = (): number => readFileSync('/proc/net/tcp', 'utf8').split('\n').filter(local.test, local).length;
    process.stderr.write('busy\n');
    const until = Date.now() + 10_000;
    // The file is read in pieces, and the table may change between two of them: each look says only about how many there are.
    let most = 0;
    while (most < connections && Date.now() < until) most = Math.max(most, count());
    return most;
  }, wanted);
  await until('the process to be busy', () => server.stderr.includes('busy'));
  connect();
  return kept;
}

const onLinux = process.platform === 'linux' ? test : test.skip;

/** A connection that has sent nothing yet. */
async function idle(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').resume();
  await new Promise((connected) => socket.once('connect', connected));
  return socket;
}

const request = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n`;

onLinux('another request does not wait for all the streams that came with it', async () => {
  const server = await start();
  const port = await portOf(server);
  await RawClient.stream(port, { path: '/sse', headers: HEADERS });
  // From its first stream on, a path is known as that of a stream.
  const sockets = await Promise.all(Array.from({ length: 101 }, () => idle(port)));
  // Node accepts one connection in each turn of its loop.
  await until('all to be accepted', () => server.evaluate(async ({ state }) => (await state.accepted()) === 101));
  const unread = await meanwhile(server, { connections: 101, unread: true }, () => {
    for (const [index, socket] of sockets.entries()) socket.write(request(index < 100 ? '/sse' : '/other'));
  });
  expect(unread).toBe(101);
  await until('all to be handled', async () => (await handled(server)).length === 102);
  const order = await handled(server);
  expect(order.filter((url) => url === '/sse')).toHaveLength(101);
  expect(order.indexOf('/other')).toBeLessThan(order.lastIndexOf('/sse') - 50);
  for (const socket of sockets) socket.destroy();
});

onLinux('the kernel keeps a thousand connections for a server of streams', async () => {
  const server = await start();
  const port = await portOf(server);
  // The second request finds a path that is known as that of a stream.
  await RawClient.stream(port, { path: '/sse', headers: HEADERS });
  await RawClient.stream(port, { path: '/sse', headers: HEADERS });
  let sockets: Socket[] = [];
  const errors: Error[] = [];
  const kept = await meanwhile(server, { connections: 1_000, unread: false }, () => {
    sockets = Array.from({ length: 1_000 }, () =>
      connect(port, '127.0.0.1').on('error', (error) => errors.push(error)),
    );
  });
  expect(errors).toEqual([]);
  expect(kept).toBeGreaterThanOrEqual(1_000);
  for (const socket of sockets) socket.destroy();
});

test('a page that leaves while it waits is not let in', async () => {
  const server = await start();
  const port = await portOf(server);
  await RawClient.stream(port, { path: '/sse', headers: HEADERS });
  const streams = await Promise.all(
    Array.from({ length: 50 }, () => RawClient.request(port, { path: '/sse', headers: HEADERS })),
  );
  closeClients();
  await until('all to be gone', () => streams.every(({ ended }) => ended));
  const { connects } = await until('nobody to be connected', async () => {
    const { clients, connects, disconnects } = await server.evaluate(({ sse }) => sse.stats());
    const gone = Object.values(disconnects).reduce((sum, count) => sum + count);
    return clients === 0 && gone === connects && { connects };
  });
  expect(connects).toBeLessThanOrEqual(51);
});

test('a request that wants no events does not wait in line', async () => {
  const server = await start();
  const port = await portOf(server);
  await RawClient.stream(port, { path: '/sse', headers: HEADERS });
  await RawClient.stream(port, { path: '/sse' });
  expect(await handled(server)).toEqual(['/sse', '/sse']);
});

describe('a line', () => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  test('lets a number go on per turn, in order', async () => {
    const line = new Line({ perTurn: 2, most: 10 });
    const gone: number[] = [];
    const places = Array.from({ length: 5 }, (_, index) => line.enter(() => gone.push(index)));
    expect(places).toEqual(['now', 'now', 'waits', 'waits', 'waits']);
    expect(gone).toEqual([]);
    await turn();
    expect(gone).toEqual([2, 3]);
    // A newcomer stands behind those that wait.
    expect(line.enter(() => gone.push(5))).toBe('waits');
    await turn();
    await turn();
    expect(gone).toEqual([2, 3, 4, 5]);
    await turn();
    expect(line.enter(() => {})).toBe('now');
  });

  test('is full at a number', () => {
    const line = new Line({ perTurn: 1, most: 2 });
    expect(Array.from({ length: 4 }, () => line.enter(() => {}))).toEqual(['now', 'waits', 'waits', 'full']);
  });

  test('waits while nobody may go on', async () => {
    let mayGoOn = false;
    const line = new Line({ perTurn: 4, most: 10, mayGoOn: () => mayGoOn });
    let gone = 0;
    const go = (): void => {
      gone += 1;
    };
    expect([line.enter(go), line.enter(go)]).toEqual(['waits', 'waits']);
    for (let turns = 0; turns < 5; turns += 1) await turn();
    expect(gone).toBe(0);
    mayGoOn = true;
    await until('both to go on', () => gone === 2);
  });

  test('lets those who wait go on after others have arrived, or after a number of turns', async () => {
    const line = new Line({ perTurn: 2, most: 100, arrivalsFirst: 3 });
    const gone: number[] = [];
    const arrive = (index: number) => line.enter(() => gone.push(index));
    expect(arrive(0)).toBe('now');
    // One arrives in each turn.
    for (let index = 1; index <= 8; index += 1) {
      expect(arrive(index)).toBe('waits');
      await turn();
    }
    // Three turns were left to them, then two went on, and the same once more.
    expect(gone).toEqual([1, 2, 3, 4]);
    await turn();
    await turn();
    expect(gone).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    for (let turns = 0; turns < 3; turns += 1) await turn();
    expect(arrive(9)).toBe('now');
  });

  test('goes on after an error', async () => {
    const server = await Evaluator.start();
    const errors = await server.evaluate(async ({ require }) => {
      const { Line } = require('../../dist/server/resume/line.js');
      const errors: string[] = [];
      process.on('unhandledRejection', (error: Error) => errors.push(error.message));
      const line = new Line({ perTurn: 1, most: 10 });
      line.enter(() => {});
      line.enter(() => {
        throw new Error('of the application');
      });
      await new Promise<void>((gone) => line.enter(gone));
      await new Promise<void>((told) => setImmediate(told));
      return errors;
    });
    expect(errors).toEqual(['of the application']);
  });

  test('keeps thousands in order', async () => {
    const line = new Line({ perTurn: 100, most: Number.POSITIVE_INFINITY });
    const gone: number[] = [];
    for (let index = 0; index < 5_000; index += 1) line.enter(() => gone.push(index));
    await until('all', () => gone.length === 4_900);
    expect(gone).toEqual(Array.from({ length: 4_900 }, (_, index) => index + 100));
  });
});
