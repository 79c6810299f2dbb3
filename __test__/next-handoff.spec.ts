/** The handoff under Next.js: the head is what Next.js wrote, Node is left without the socket, and nobody is left behind. */
import { BUILD_TIMEOUT_MS, NextApp, type NextServer, removeApps } from './support/next-app';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

type Stream = Awaited<ReturnType<NextServer['streamOf']>>;

/** Sockets that Node holds when it holds no stream: that of the request for this number. */
const ASKING = 1;

afterAll(removeApps);

describe.each(['start', 'dev'] as const)('next %s', (mode) => {
  let server: NextServer;
  let ada: Stream;

  beforeAll(async () => {
    const app = mode === 'dev' ? NextApp.copy() : await NextApp.built();
    server = await app.serve(mode);
    ada = await server.streamOf('ada');
  }, BUILD_TIMEOUT_MS);

  afterEach(async () => {
    closeClients();
    await until('every client to be gone, and every socket', async () => {
      const { clients, openSockets } = await server.state();
      return clients.length === 0 && openSockets === ASKING;
    });
    const { stats } = await server.state();
    expect(stats.transports).toEqual({ opening: 0, handoff: 0, stream: 0, listener: 0 });
    expect(sum(stats.disconnects)).toBe(stats.connects);
    expect(server.complaints).toEqual([]);
  });

  test('every stream leaves Node, with its socket', async () => {
    await Promise.all(Array.from({ length: 5 }, () => RawClient.stream(server.port, ada)));
    const state = await until('the sockets to have left', async () => {
      const now = await server.state();
      return now.stats.transports.handoff === 5 && now.openSockets === ASKING && now;
    });
    expect(state.stats.transports).toEqual({ opening: 0, handoff: 5, stream: 0, listener: 0 });
    expect(state.users.ada).toHaveLength(5);
  });

  test('the head has the headers of route and proxy', async () => {
    const headers = { cookie: `demo-visit=41; ${ada.headers.cookie}` };
    const client = await RawClient.stream(server.port, { ...ada, headers });
    await handedOff(server, 1);
    expect(client.headText.split('\r\n', 1)).toEqual(['HTTP/1.1 200 OK']);
    expect(client.headerLines).toEqual(
      expect.arrayContaining([
        'x-demo-proxy: 1',
        'set-cookie: demo-visit=42; path=/; httponly; samesite=lax',
        'content-type: text/event-stream; charset=utf-8',
        'cache-control: no-cache, no-transform',
        'x-accel-buffering: no',
        'transfer-encoding: chunked',
      ]),
    );
    expect(client.headText).not.toMatch(/content-(encoding|length)/i);
  });

  test('HEAD gets the headers and no client', async () => {
    const { connects } = (await server.state()).stats;
    const client = await RawClient.request(server.port, { ...ada, method: 'HEAD' });
    await until('the head', () => client.headText);
    expect(client.status).toBe(200);
    expect(client.headerLines).toEqual(
      expect.arrayContaining(['content-type: text/event-stream; charset=utf-8', 'x-demo-proxy: 1']),
    );
    expect(client.body).toHaveLength(0);
    expect((await server.state()).stats.connects).toBe(connects);
  });

  test.each([
    ['without a log-in', ''],
    ['with a forged log-in', 'demo_user=ada.bm90IHRoZSBzaWduYXR1cmU'],
  ])('a request %s gets 401 and no client', async (_, cookie) => {
    const { connects } = (await server.state()).stats;
    const client = await RawClient.request(server.port, { path: '/api/sse', headers: { cookie } });
    await until('the whole answer', () => client.isComplete);
    expect(client.status).toBe(401);
    expect(client.headerLines).not.toContain('content-type: text/event-stream; charset=utf-8');
    expect((await server.state()).stats.connects).toBe(connects);
  });

  describe('beside a well-behaved client', () => {
    let bystander: RawClient;
    beforeEach(async () => {
      bystander = await RawClient.stream(server.port, await server.streamOf('grace'));
      await handedOff(server, 1);
    });

    afterEach(async () => {
      await server.call('sendToUser', 'grace', { event: 'still-there', data: null });
      await until('its event', () => bystander.events().some(({ event }) => event === 'still-there'));
      bystander.end();
    });

    const disconnects = async (): Promise<Record<string, number>> => (await server.state()).stats.disconnects;
    const onlyBystander = (): Promise<true> =>
      until('the bystander alone', async () => {
        const { stats, openSockets } = await server.state();
        return stats.clients === 1 && stats.users === 1 && openSockets === ASKING;
      });

    test('bytes after the first event are ignored', async () => {
      const client = await RawClient.stream(server.port, ada);
      await handedOff(server, 2);
      client.socket.write('stray\r\nbytes \0\xff');
      await server.call('sendToUser', 'ada', { event: 'heard', data: null });
      await until('the event', () => client.events().some(({ event }) => event === 'heard'));
      client.end();
      await onlyBystander();
    });

    test('more than 16 KiB after the first event end the stream', async () => {
      const before = await disconnects();
      const client = await RawClient.stream(server.port, ada);
      await handedOff(server, 2);
      client.socket.write(Buffer.alloc(64 * 1024, 'x'));
      await onlyBystander();
      await until('the end', () => client.ended);
      expect((await disconnects()).protocol).toBe((before.protocol ?? 0) + 1);
    });

    test.each([
      ['bytes that are no HTTP', 'stray bytes\r\n\r\n'],
      ['another request', 'GET /api/demo/state HTTP/1.1\r\nhost: localhost\r\n\r\n'],
    ])('%s right behind the request leave nobody behind', async (_, trailing) => {
      const client = await RawClient.request(server.port, { ...ada, trailing });
      await until('an answer', () => client.status || client.ended);
      client.end();
      await onlyBystander();
    });

    test.each([
      ['a half-close', (client: RawClient) => client.end()],
      ['a reset', (client: RawClient) => client.reset()],
    ])('%s is noticed right behind the request, and after the first event', async (_, leave) => {
      leave(await RawClient.request(server.port, ada));
      await onlyBystander();
      const client = await RawClient.stream(server.port, ada);
      leave(client);
      await onlyBystander();
      const settled = await RawClient.stream(server.port, ada);
      await handedOff(server, 2);
      leave(settled);
      await onlyBystander();
    });
  });
});

describe('next start', () => {
  let app: NextApp;
  beforeAll(async () => {
    app = await NextApp.built();
  }, BUILD_TIMEOUT_MS);
  afterEach(closeClients);

  test('heads of handed-off and other streams are equal', async () => {
    const heads = await Promise.all(
      (['auto', 'stream'] as const).map(async (transport) => {
        const server = await app.serve('start', { transport });
        const client = await RawClient.stream(server.port, await server.streamOf('ada'));
        return client.headText.replace(/^Date: .*$/m, 'Date:');
      }),
    );
    expect(heads[0]).toBe(heads[1]);
    expect(heads[0]).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  test('ends on SIGTERM although streams are open', async () => {
    const server = await app.serve('start');
    const client = await RawClient.stream(server.port, await server.streamOf('ada'));
    await handedOff(server, 1);
    expect(await server.terminate()).toBe(0);
    await until('the end', () => client.ended);
    expect(server.complaints).toEqual([]);
  });
});

const handedOff = (server: NextServer, count: number): Promise<true> =>
  until(`${count} handed off`, async () => (await server.state()).stats.transports.handoff === count);

const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((sum, count) => sum + count, 0);
