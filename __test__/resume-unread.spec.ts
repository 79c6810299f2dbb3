/** A page whose request has come before Node reads from its connection gets its stream at once, and Node reads nothing. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Evaluator, stopEvaluators } from './support/evaluator';
import { closeClients, RawClient, type RequestOptions } from './support/raw-client';
import { asked, comeAndGo, gone, Page, read, start, stats, watch } from './support/ticketed-page';
import { until } from './support/until';

afterEach(closeClients);
afterEach(stopEvaluators);

/** A server that watches, and a page that has come back before, so that the server expects more of them. */
async function known(...given: Parameters<typeof start>): Promise<{ server: Evaluator; page: Page }> {
  const server = await start(...given);
  const page = new Page();
  await comeAndGo(server, page);
  await watch(server);
  return { server, page };
}

const comeBack = (server: Evaluator, page: RequestOptions): Promise<RawClient> =>
  server.whileStopped(() => RawClient.request(server.port, { ...page }));

/** Runs in the server: the number of sockets that Node has there. */
const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('a request that has come before Node reads', () => {
  test('is answered with the stream and all that was missed, and Node reads nothing', async () => {
    const { server, page } = await known();
    await server.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'missed', data: 1 }));
    const first = await comeBack(server, page);
    await server.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'live', data: 2 }));
    expect((await first.next(2)).map(({ event }) => event)).toEqual(['missed', 'live']);
    expect(await first.ready()).toMatchObject({ clientId: 'tab-1', userId: 'ada', resumed: true });
    page.keep(first);
    const second = await comeBack(server, page);
    expect(await second.ready()).toMatchObject({ resumed: true });
    expect(await read(server)).toEqual([0, 0]);
    expect([await asked(server), (await stats(server)).resumed]).toEqual([1, 3]);
    expect((await stats(server)).transports.handoff).toBe(1);
    second.destroy();
    await gone(server);
    expect(server.stderr).toBe('');
  });

  test('may have any header that Node reads in the same way', async () => {
    const { server, page } = await known({}, { client: { headers: { 'x-own': 'é' } } });
    const client = await comeBack(server, { ...page, headers: { ...page.headers, 'x-other': ' \t a  b ', dnt: '' } });
    expect(await client.ready()).toMatchObject({ resumed: true });
    expect(client.headText).toContain('x-own: é');
    expect(await read(server)).toEqual([0]);
  });

  test('may be one of thousands', async () => {
    const { server, page } = await known();
    const clients = await server.whileStopped(() =>
      Promise.all(Array.from({ length: 300 }, () => RawClient.request(server.port, { ...page }))),
    );
    // One page, so each stream takes the place of the one before.
    await until('all to be answered', () => clients.every(({ status }) => status === 200));
    expect(await read(server)).toEqual(clients.map(() => 0));
    expect((await stats(server)).resumed).toBe(301);
  });

  test('keeps nothing open: neither the sockets of those who leave, nor of those whom Node answers', async () => {
    const { server, page } = await known();
    const sockets = (): Promise<number> =>
      server.evaluate(({ require }) => {
        const { readdirSync, readlinkSync } = require('node:fs');
        const targetOf = (fd: string): string => {
          try {
            return readlinkSync(`/proc/self/fd/${fd}`);
          } catch {
            return '';
          }
        };
        return readdirSync('/proc/self/fd').filter((fd: string) => targetOf(fd).startsWith('socket:')).length;
      });
    const before = await sockets();
    const others = [page, { ...page, path: '/other' }, { ...page, path: '/sse?userId=bob' }];
    const clients = await server.whileStopped(() =>
      Promise.all(others.map((other) => RawClient.request(server.port, { path: other.path, headers: page.headers }))),
    );
    await until('all to be answered', () => clients.every(({ status }) => status > 0));
    closeClients();
    await until('all to be closed', async () => (await sockets()) === before);
  });

  test('may come after its connection', async () => {
    const { server, page } = await known();
    const turns: number[] = [];
    await until('a request that Node does not read', async () => {
      const client = await RawClient.connect(server.port);
      await until('the connection to be accepted', async () => (await read(server)).length > turns.length);
      client.send({ ...page });
      turns.push((await client.ready()).resumed ? 1 : 0);
      return (await read(server)).at(-1) === 0;
    });
    expect(turns).toEqual(turns.map(() => 1));
    expect([await asked(server), (await stats(server)).resumed]).toEqual([1, 1 + turns.length]);
  });

  test('at a limit is refused once', async () => {
    const { server, page } = await known({ limits: { clientsPerUser: 1 } });
    await RawClient.stream(server.port, { path: '/sse?userId=ada&clientId=tab-2' });
    const refused = await comeBack(server, page);
    await until('an answer', () => refused.body.length > 0);
    expect([refused.status, (await stats(server)).refusals.user]).toEqual([429, 1]);
    // On the same connection, once there is room.
    await server.evaluate(({ sse }) => sse.disconnectUser('ada'));
    await gone(server);
    refused.send({ path: '/sse?userId=bob&clientId=tab-3', headers: page.headers });
    expect(await refused.ready()).toMatchObject({ userId: 'bob' });
  });
});

onLinux('Node reads a request that', () => {
  const EARLY: [what: string, request: (page: Page) => RequestOptions][] = [
    ['has another one behind it', () => ({ trailing: 'GET /other HTTP/1.1\r\nhost: localhost\r\n\r\n' })],
    ['speaks HTTP/1.0', () => ({ version: '1.0' })],
    ['offers another protocol', ({ headers }) => ({ headers: { ...headers, upgrade: 'h2c' } })],
    [
      'has many headers',
      ({ headers }) => ({
        headers: { ...headers, ...Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`x-${index}`, 'x'])) },
      }),
    ],
  ];

  test.each(EARLY)('%s', async (_, request) => {
    const { server, page } = await known();
    const client = await comeBack(server, { ...page, ...request(page) });
    expect(await client.ready()).toMatchObject({ resumed: true });
    expect((await read(server))[0]).toBeGreaterThan(0);
    expect([await asked(server), (await stats(server)).resumed]).toEqual([1, 2]);
  });

  test.each(Array.from({ length: 8 }, (_, index) => index / 8))('comes in two parts, at %f of it', async (share) => {
    const { server, page } = await known();
    const lines = Object.entries({ host: 'localhost', ...page.headers }).map(([name, value]) => `${name}: ${value}`);
    const bytes = `GET ${page.path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
    const at = Math.max(1, Math.floor(bytes.length * share));
    const client = await server.whileStopped(async () => {
      const client = await RawClient.connect(server.port);
      client.socket.write(bytes.slice(0, at));
      return client;
    });
    await until('the first part to be read', async () => (await read(server))[0] === at);
    client.socket.write(bytes.slice(at));
    expect(await client.ready()).toMatchObject({ resumed: true });
    expect((await stats(server)).resumed).toBe(2);
  });

  test.each([1, 50, 1_000])('comes %i ms after its connection, and is no stream', async (ms) => {
    const { server } = await known();
    const client = await RawClient.connect(server.port);
    await until('the connection to be accepted', async () => (await read(server)).length === 1);
    await delay(ms);
    client.send({ path: '/other' });
    await until('an answer', () => client.status === 404);
  });

  test('comes letter by letter', async () => {
    const { server, page } = await known();
    const client = await RawClient.connect(server.port);
    const lines = Object.entries({ host: 'localhost', ...page.headers }).map(([name, value]) => `${name}: ${value}`);
    for (const letter of `GET ${page.path} HTTP/1.1\r\n`) {
      client.socket.write(letter);
      await delay(1);
    }
    client.socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    expect(await client.ready()).toMatchObject({ resumed: true });
  });

  test('is not the first one of its connection', async () => {
    const { server, page } = await known();
    const client = await RawClient.request(server.port, { path: '/other' });
    await until('an answer', () => client.status === 404);
    await server.whileStopped(async () => client.send({ ...page }));
    expect(await client.ready()).toMatchObject({ resumed: true });
    expect((await read(server))[0]).toBeGreaterThan(0);
  });

  test('is for a path that a new process does not know', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ssekit-unread-'));
    const env = { SSEKIT_DATA_DIR: folder };
    const { server, page } = await known({}, { env });
    await server.evaluate(({ sse }) => sse.flush());
    await server.stop();
    const after = await start({}, { env });
    await watch(after);
    // The first one is asked about, and the second one is the first that comes back.
    for (let turn = 0; turn < 3; turn += 1) expect(await (await comeBack(after, page)).ready()).toBeDefined();
    const isRead = (await read(after)).map((bytes) => bytes > 0);
    expect([isRead, await asked(after)]).toEqual([[true, true, false], 1]);
    rmSync(folder, { recursive: true, force: true });
  });

  test('is from a page that is ahead of this process', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ssekit-unread-'));
    const { server, page } = await known({}, { env: { SSEKIT_DATA_DIR: folder } });
    const { epoch } = await stats(server);
    page.headers['last-event-id'] = `${epoch}.${2 ** 50}`;
    const ahead = await comeBack(server, page);
    expect((await ahead.next(1)).map(({ event }) => event)).toEqual(['ssekit:reset']);
    expect((await read(server))[0]).toBeGreaterThan(0);
    expect([await asked(server), (await stats(server)).resumed]).toEqual([1, 2]);
    rmSync(folder, { recursive: true, force: true });
  });

  const TOOLS: [what: string, instrument: (server: Evaluator) => Promise<void>][] = [
    [
      'wraps the emit of all servers',
      (server) =>
        server.evaluate(({ require, state }) => {
          const { Server } = require('node:http');
          const { emit } = Server.prototype;
          Server.prototype.emit = function (...given: unknown[]) {
            if (given[0] === 'request') state.seen += 1;
            return emit.apply(this, given);
          };
        }),
    ],
    [
      'wraps the emit of one server',
      (server) =>
        server.evaluate(({ require, state }) => {
          const { subscribe } = require('node:diagnostics_channel');
          subscribe('net.server.socket', ({ socket }: { socket: { server: { emit: unknown } } }) => {
            const { emit } = socket.server;
            if (Object.hasOwn(socket.server, 'emit')) return;
            socket.server.emit = function (this: unknown, ...given: unknown[]) {
              if (given[0] === 'request') state.seen += 1;
              return (emit as (...given: unknown[]) => boolean).apply(this, given);
            };
          });
        }),
    ],
    [
      'wraps the emit of responses',
      (server) =>
        server.evaluate(({ require, state }) => {
          const { ServerResponse } = require('node:http');
          const { emit } = ServerResponse.prototype;
          ServerResponse.prototype.emit = function (...given: unknown[]) {
            if (given[0] === 'close') state.seen += 1;
            return emit.apply(this, given);
          };
        }),
    ],
    [
      'listens to a channel of Node',
      (server) =>
        server.evaluate(({ require, state }) => {
          require('node:diagnostics_channel').subscribe('http.server.request.start', () => {
            state.seen += 1;
          });
        }),
    ],
  ];

  test.each(TOOLS)('a tool sees that %s', async (_, instrument) => {
    const { server, page } = await known();
    await server.evaluate(({ state }) => {
      state.seen = 0;
    });
    await instrument(server);
    const client = await comeBack(server, page);
    expect(await client.ready()).toMatchObject({ resumed: true });
    expect((await read(server))[0]).toBeGreaterThan(0);
    expect((await stats(server)).resumed).toBe(2);
    client.destroy();
    await until('the tool to see it', async () => (await server.evaluate(({ state }) => state.seen)) > 0);
  });

  test('comes long after the last page that came back', async () => {
    const { server, page } = await known();
    for (let other = 0; other < 256; other += 1) {
      const client = await RawClient.request(server.port, { path: '/other' });
      await until('an answer', () => client.status === 404);
      client.destroy();
    }
    for (let turn = 0; turn < 2; turn += 1) expect(await (await comeBack(server, page)).ready()).toBeDefined();
    const isRead = (await read(server)).map((bytes) => bytes > 0);
    expect(isRead.slice(256)).toEqual([true, false]);
    expect((await stats(server)).resumed).toBe(3);
  });

  const OTHERS: [what: string, touch: (server: Evaluator) => Promise<void>][] = [
    [
      'looks at a connection before it gives it to the server',
      (server) =>
        server.evaluate(({ server }) => {
          const [listener] = server.listeners('connection');
          server.removeAllListeners('connection').on('connection', (socket) => {
            setTimeout(() => listener?.call(server, socket), 50);
          });
        }),
    ],
    [
      'pauses its connections',
      (server) =>
        server.evaluate(({ server }) => {
          (server as { pauseOnConnect?: boolean }).pauseOnConnect = true;
          server.on('connection', (socket) => setTimeout(() => socket.resume(), 50));
        }),
    ],
    [
      'reads from them itself',
      (server) =>
        server.evaluate(({ server }) => {
          server.on('connection', (socket) => socket.on('data', () => {}));
        }),
    ],
    [
      'hears what they bring',
      (server) =>
        server.evaluate(({ server }) => {
          server.on('connection', (socket) => {
            Object.assign(socket, { push: socket.push });
          });
        }),
    ],
    [
      'allows only short heads',
      (server) =>
        server.evaluate(({ server }) => {
          (server as { maxHeaderSize?: number }).maxHeaderSize = 8_192;
        }),
    ],
  ];

  test.each(OTHERS)('comes to an app that %s', async (_, touch) => {
    const { server, page } = await known();
    await touch(server);
    const client = await comeBack(server, page);
    expect(await client.ready()).toMatchObject({ resumed: true });
    expect((await read(server))[0]).toBeGreaterThan(0);
    expect(await asked(server)).toBe(1);
  });

  test('comes where no path has tickets', async () => {
    const server = await start({}, { client: { resume: undefined } as never });
    const page = new Page();
    await page.open(server);
    await watch(server);
    expect(await (await comeBack(server, page)).ready()).toBeDefined();
    expect((await read(server))[0]).toBeGreaterThan(0);
  });

  test('came while the socket was held by somebody else', async () => {
    const { server, page } = await known();
    await server.evaluate(({ require }) => {
      require('node:diagnostics_channel').subscribe(
        'net.server.socket',
        ({ socket }: { socket: { write: unknown } }) => {
          const { write } = socket;
          socket.write = write;
        },
      );
    });
    expect(await (await comeBack(server, page)).ready()).toBeDefined();
    expect((await read(server))[0]).toBeGreaterThan(0);
    expect((await stats(server)).resumed).toBe(1);
  });
});

describe('a request that Node has read', () => {
  /** Notes requests as Node announces them, so that Node reads all of them. */
  const note = (server: Evaluator): Promise<void> =>
    server.evaluate(({ require, state }) => {
      state.requests = [];
      require('node:diagnostics_channel').subscribe('http.server.request.start', ({ request }: { request: unknown }) =>
        state.requests.push(request),
      );
    });

  test('counts as answered, and not as broken off', async () => {
    const { server, page } = await known();
    await note(server);
    const client = await RawClient.stream(server.port, { ...page });
    const end = (): Promise<unknown[]> =>
      server.evaluate(({ state }) =>
        state.requests.map(({ aborted, errored, socket }: never & Record<string, unknown>) => [
          aborted,
          errored,
          (socket as { destroyed: boolean }).destroyed,
        ]),
      );
    expect((await stats(server)).resumed).toBe(2);
    await until('Node to have closed its side', async () => (await server.evaluate(sockets)) === 0);
    expect(await end()).toEqual([[false, null, true]]);
    await server.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'live', data: 1 }));
    await client.next(1);
  });

  test('does not, where a tool hears of the ends of responses', async () => {
    const { server, page } = await known();
    await server.evaluate(({ require, state }) => {
      state.ends = 0;
      require('node:diagnostics_channel').subscribe('http.server.response.finish', () => {
        state.ends += 1;
      });
    });
    await note(server);
    const client = await RawClient.stream(server.port, { ...page });
    expect((await stats(server)).resumed).toBe(2);
    await until('Node to have closed its side', async () => (await server.evaluate(sockets)) === 0);
    expect(await server.evaluate(({ state }) => state.ends)).toBe(0);
    await server.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'live', data: 1 }));
    await client.next(1);
  });
});
