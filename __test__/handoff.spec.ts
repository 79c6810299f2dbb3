/** The default transport: the socket leaves Node as soon as the head and the first event are out. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, constants as zlib } from 'node:zlib';
import { expectNothingLeft, handedOff, startWatched, streamed, type Watched } from './support/aftermath';
import { closeClients, RawClient } from './support/raw-client';
import { stopServers, type TestServer } from './support/server';
import { until } from './support/until';

afterAll(stopServers);

let watched: Watched;
let server: TestServer;

/** Starts the servers of a `describe`, and checks after each test that nothing is left of its clients. */
function serve(options: Parameters<typeof startWatched>[0] = {}): void {
  beforeAll(async () => {
    watched = await startWatched(options);
    server = watched.server;
  });
  afterEach(async () => {
    closeClients();
    await expectNothingLeft(watched);
  });
}

/** Waits for the answer to `/echo?say=…`, which has said it. */
const said = (client: RawClient, what: string): Promise<unknown> =>
  until(`the answer ${what}`, () => client.status === 200 && client.body.toString() === what && client.isComplete);

describe.each(['node', 'express', 'fastify'] as const)('%s', (framework) => {
  serve({ framework });

  test('the socket leaves Node, and the client gets the events', async () => {
    const client = await RawClient.stream(server.port, { path: '/sse?userId=ada' });
    await handedOff(server, 1);
    await until('Node to let go', async () => (await server.resources()).connections === 0);
    expect((await server.resources()).sockets).toBe(0);
    expect(await server.call('sendToUser', 'ada', { event: 'hello', data: { n: 1 } })).toBe(1);
    const [event] = await client.next(1);
    expect(event).toMatchObject({ event: 'hello', data: '{"n":1}' });
    expect(client.headerLines).toEqual(
      expect.arrayContaining([
        'content-type: text/event-stream; charset=utf-8',
        'cache-control: no-cache, no-transform',
        'x-accel-buffering: no',
        'x-from-app: yes',
        'x-from-connect: yes',
        'transfer-encoding: chunked',
      ]),
    );
  });

  test('no event is repeated, lost or cut at the handoff', async () => {
    const client = await RawClient.stream(server.port, { path: '/sse?userId=ada&clientId=exact' });
    await handedOff(server, 1);
    const large = 'ö'.repeat(200_000);
    await server.call('sendToClient', 'exact', { event: 'small', data: 'ö', retry: 5 });
    await server.call('sendToClient', 'exact', { data: large });
    await server.call('sendToClient', 'exact', { data: null, id: 'own' });
    await server.call('disconnectClient', 'exact');
    await until('the end', () => client.ended);

    const { epoch, position } = await server.call('stats');
    const frames = [
      `event: ssekit:ready\nretry: 2000\ndata: {"clientId":"exact","resumed":false,"userId":"ada"}\nid: ${epoch}.${position - 3}\n\n`,
      `event: small\nretry: 5\ndata: "ö"\nid: ${epoch}.${position - 2}\n\n`,
      `data: "${large}"\nid: ${epoch}.${position - 1}\n\n`,
      'data: null\nid: own\n\n',
      '',
    ];
    const chunks = frames.map((frame) => `${Buffer.byteLength(frame).toString(16)}\r\n${frame}\r\n`);
    const body = client.received.subarray(client.headText.length + 4);
    expect(body.toString().toLowerCase()).toBe(chunks.join('').toLowerCase());
  });

  test('a connection may carry ordinary answers first', async () => {
    const client = await RawClient.request(server.port, { path: '/echo?say=one' });
    await said(client, 'one');
    client.send({ path: '/echo?say=two' });
    await said(client, 'two');
    client.send({ path: '/sse?userId=ada' });
    await client.ready();
    await handedOff(server, 1);
    await server.call('sendToUser', 'ada', { data: 'three' });
    expect(await client.next(1)).toMatchObject([{ data: '"three"' }]);
  });

  test('HEAD gets the head and no client, and keeps the connection', async () => {
    const connects = (await server.call('stats')).connects;
    const client = await RawClient.request(server.port, { method: 'HEAD' });
    await until('the head', () => client.status === 200);
    expect(client.headerLines).toEqual(expect.arrayContaining(['content-type: text/event-stream; charset=utf-8']));
    expect(await server.call('stats')).toMatchObject({ connects, clients: 0 });
    client.send();
    await client.ready();
    expect(client.received.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    await handedOff(server, 1);
  });

  test("another user's client id gets 409 and keeps the connection", async () => {
    const owner = await RawClient.stream(server.port, { path: '/sse?userId=ada&clientId=mine' });
    const client = await RawClient.request(server.port, { path: '/sse?userId=eve&clientId=mine' });
    await until('409', () => client.status === 409 && client.isComplete);
    client.send({ path: '/echo?say=still' });
    await said(client, 'still');
    await handedOff(server, 1);
    await server.call('sendToClient', 'mine', { data: 'for ada' });
    expect(await owner.next(1)).toMatchObject([{ data: '"for ada"' }]);
  });

  test("the application's cookies go out with the head, each on its own line", async () => {
    const client = await RawClient.stream(server.port, { path: '/sse?cookies=yes' });
    await handedOff(server, 1);
    expect(client.headerLines).toEqual(
      expect.arrayContaining(['set-cookie: a=1; path=/', 'set-cookie: b=2; httponly']),
    );
  });
});

describe('a response that other code changes', () => {
  serve();

  test('stays a stream if it is compressed', async () => {
    const client = await RawClient.request(server.port, { path: '/sse?userId=ada&middleware=gzip' });
    await streamed(server, 1);
    await server.call('sendToUser', 'ada', { event: 'packed', data: 'x'.repeat(10_000) });
    await server.call('sendToUser', 'ada', { event: 'last', data: 2 });
    const text = await until('the last event', () => {
      const unpacked = gunzipSync(client.body, { finishFlush: zlib.Z_SYNC_FLUSH }).toString();
      return unpacked.includes('event: last') && unpacked;
    });
    expect(client.headerLines).toContain('content-encoding: gzip');
    expect(text.match(/^(event|data): .{1,20}/gm)).toEqual([
      'event: ssekit:ready',
      expect.stringMatching(/^data: \{"clientId"/),
      'event: packed',
      'data: "xxxxxxxxxxxxxxxxxxx',
      'event: last',
      'data: 2',
    ]);
  });

  test.each(['longer', 'shorter'])('stays a stream if a middleware makes it %s', async (change) => {
    const client = await RawClient.stream(server.port, { path: `/sse?userId=ada&middleware=${change}` });
    await server.call('sendToUser', 'ada', { data: 1 });
    await server.call('sendToUser', 'ada', { data: 2 });
    expect(await client.next(2)).toMatchObject([{ data: '1' }, { data: '2' }]);
    await streamed(server, 1);
  });

  test('is handed off once held-back bytes are out', async () => {
    const client = await RawClient.request(server.port, { path: '/sse?userId=ada&middleware=cork' });
    await until('the client', async () => (await server.call('getActiveClients')).length === 1);
    await server.call('sendToUser', 'ada', { data: 'meanwhile' });
    expect((await server.call('stats')).transports.opening).toBe(1);
    expect(client.received).toHaveLength(0);
    await server.uncork();
    expect(await client.next(1)).toMatchObject([{ data: '"meanwhile"' }]);
    await handedOff(server, 1);
  });
});

describe('a process without a free descriptor', () => {
  // Few, so that they are soon used up; a shell sets the limit for what it turns into.
  serve({ descriptors: 128 });

  test('keeps the stream and notices when its peer leaves', async () => {
    const client = await RawClient.stream(server.port, { path: '/sse?userId=ada&middleware=exhaust' });
    await streamed(server, 1);
    await server.call('sendToUser', 'ada', { data: 'by Node' });
    expect(await client.next(1)).toMatchObject([{ data: '"by Node"' }]);
    await server.giveDescriptorsBack();
  });
});

describe('HTTP/1.0', () => {
  serve();

  test('has a body without chunks until the connection ends', async () => {
    const client = await RawClient.stream(server.port, { version: '1.0', path: '/sse?clientId=old' });
    await handedOff(server, 1);
    await server.call('sendToClient', 'old', { data: 1 });
    await server.call('broadcast', { data: 2 });
    expect(await client.next(2)).toMatchObject([{ data: '1' }, { data: '2' }]);
    await server.call('disconnectClient', 'old');
    await until('the end', () => client.ended);
    expect(client.headerLines).toContain('connection: close');
    expect(client.headText).not.toMatch(/transfer-encoding/i);
    expect(client.body.toString()).toMatch(/^event: ssekit:ready\n[^\r]*data: 1\n[^\r]*data: 2\nid: [^\r\n]+\n\n$/);
  });

  test('ignores a request to keep the connection', async () => {
    const headers = { connection: 'keep-alive' };
    const client = await RawClient.stream(server.port, { version: '1.0', headers });
    await handedOff(server, 1);
    await server.call('broadcast', { data: 1 });
    expect(await client.next(1)).toMatchObject([{ data: '1' }]);
    expect(client.headText).not.toMatch(/transfer-encoding/i);
  });
});

describe('a Unix domain socket', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ssekit-'));
  const path = join(folder, 'socket');
  afterAll(() => rmSync(folder, { recursive: true }));
  serve({ listen: { path } });

  test('is handed off like any other', async () => {
    const client = await RawClient.stream(path);
    await handedOff(server, 1);
    await until('Node to let go', async () => (await server.resources()).connections === 0);
    await server.call('broadcast', { data: 1 });
    expect(await client.next(1)).toMatchObject([{ data: '1' }]);
  });
});

describe('IPv6', () => {
  serve({ listen: { host: '::1' } });

  test('is handed off like any other', async () => {
    const client = await RawClient.stream(server.port, { host: '::1' });
    await handedOff(server, 1);
    await server.call('broadcast', { data: 1 });
    expect(await client.next(1)).toMatchObject([{ data: '1' }]);
  });
});

test('server.close() leaves handed-off streams alone', async () => {
  const { server } = await startWatched();
  const clients = await Promise.all([1, 2, 3].map(() => RawClient.stream(server.port)));
  await handedOff(server, 3);
  await server.close();
  expect(await server.call('broadcast', { data: 'after' })).toBe(3);
  for (const client of clients) expect(await client.next(1)).toMatchObject([{ data: '"after"' }]);
  expect(server.stderr).toBe('');
  closeClients();
});
