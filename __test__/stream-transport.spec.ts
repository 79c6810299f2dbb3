/** The other transport: Node carries the stream, by option, or because the connection is TLS or HTTP/2. */
import type { SSEOptions } from '../index';
import { expectNothingLeft, reasonOf, startWatched, streamed, type Watched } from './support/aftermath';
import { BodyClient, closeBodyClients, PROTOCOLS, type Protocol } from './support/body-client';
import { stopServers, type TestServer } from './support/server';
import { until } from './support/until';

const KIB = 1024;
const MIB = 1024 * KIB;

afterAll(stopServers);

/** Lets one client come and go, so that what is made at first use has been made. */
async function start(protocol: Protocol, options: SSEOptions = {}, execArgv: string[] = []): Promise<Watched> {
  const transport = protocol === 'http' ? 'stream' : undefined;
  const configure = { heartbeatMs: 3_600_000, ...options, transport } as const;
  return startWatched({ protocol, configure, execArgv }, async (server) => {
    const client = await BodyClient.open(protocol, server.port);
    await streamed(server, 1);
    client.breakOff();
  });
}

describe.each(PROTOCOLS)('%s', (protocol) => {
  let watched: Watched;
  let server: TestServer;

  const open = (path?: string): Promise<BodyClient> => BodyClient.open(protocol, server.port, path);

  beforeAll(async () => {
    watched = await start(protocol);
    server = watched.server;
  });

  afterEach(async () => {
    closeBodyClients();
    await expectNothingLeft(watched);
  });

  test('Node keeps the connection', async () => {
    const client = await open('/sse?userId=ada');
    await streamed(server, 1);
    expect((await server.resources()).connections).toBe(1);
    expect(client.status).toBe(200);
    expect(client.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-from-app': 'yes',
      'x-from-connect': 'yes',
    });
  });

  test('events of every audience arrive once and in order', async () => {
    const clients = await Promise.all([1, 2].map((n) => open(`/sse?userId=ada&clientId=ada-${n}`)));
    const [first, second] = clients as [BodyClient, BodyClient];
    for (let round = 0; round < 5; round += 1) {
      await server.repeat(50, 'broadcast', { data: `all ${round} {i}` });
      await server.repeat(50, 'sendToUser', 'ada', { event: 'user', data: `ada ${round} {i}` });
      await server.repeat(50, 'sendToClient', 'ada-1', { data: `one ${round} {i}` });
    }
    await server.call('broadcast', { data: 'last' });
    const numbers = (start: string): string[] => Array.from({ length: 50 }, (_, i) => JSON.stringify(`${start} ${i}`));
    const rounds = (kinds: string[]): string[] => [
      ...[0, 1, 2, 3, 4].flatMap((round) => kinds.flatMap((kind) => numbers(`${kind} ${round}`))),
      '"last"',
    ];
    expect((await first.next(751)).map((event) => event.data)).toEqual(rounds(['all', 'ada', 'one']));
    expect((await second.next(501)).map((event) => event.data)).toEqual(rounds(['all', 'ada']));
  });

  test('a broadcast leaves out the excluded client', async () => {
    const [one, other] = await Promise.all([open('/sse?clientId=one'), open('/sse?clientId=other')]);
    expect(await server.call('broadcast', { data: 'not for one' }, 'one')).toBe(1);
    expect(await server.call('broadcast', { data: 'for all' })).toBe(2);
    expect(await other.next(2)).toMatchObject([{ data: '"not for one"' }, { data: '"for all"' }]);
    expect(await one.next(1)).toMatchObject([{ data: '"for all"' }]);
  });

  test('disconnectClient ends the body cleanly after earlier events', async () => {
    const client = await open('/sse?clientId=ended');
    await server.call('sendToClient', 'ended', { data: 'before' });
    // Only flush guarantees that the events are out.
    await server.call('flush');
    expect(await server.call('disconnectClient', 'ended')).toBe(true);
    await until('the end', () => client.isComplete);
    expect(client.events.slice(1)).toMatchObject([{ data: '"before"' }]);
    expect(await reasonOf(server, 'ended')).toBe('server');
  });

  test.each(['leave', 'breakOff'] as const)('a peer is gone at once: %s', async (how) => {
    const clientId = `gone-${how}`;
    const client = await open(`/sse?clientId=${clientId}`);
    await streamed(server, 1);
    client[how]();
    expect(await reasonOf(server, clientId)).toBe('peer');
    expect(await server.call('sendToClient', clientId, { data: 1 })).toBe(false);
  });

  test('a peer that leaves before its handler runs is no client for long', async () => {
    const clientId = 'too-late';
    const refused = expect(open(`/sse?clientId=${clientId}&wait=yes`)).rejects.toThrow();
    await until('the handler', async () => (await server.waiting()) === 1);
    closeBodyClients();
    await until('Node to see it', async () => (await server.resources()).connections === 0);
    await server.release();
    expect(await reasonOf(server, clientId)).toBe('peer');
    await refused;
  });
});

describe.each(PROTOCOLS)('%s, idle', (protocol) => {
  let watched: Watched;

  beforeAll(async () => {
    watched = await start(protocol, { heartbeatMs: 100 });
  });

  afterEach(async () => {
    closeBodyClients();
    await expectNothingLeft(watched);
  });

  test('heartbeats are no events', async () => {
    const { server } = watched;
    const client = await BodyClient.open(protocol, server.port);
    await until('three heartbeats', () => client.comments.length >= 3);
    expect(new Set(client.comments)).toEqual(new Set(['']));
    await server.call('broadcast', { data: 1 });
    expect(await client.next(1)).toMatchObject([{ data: '1' }]);
    expect((await server.call('stats')).heartbeats).toBeGreaterThanOrEqual(3);
  });
});

describe.each(PROTOCOLS)('%s, with a client that does not read', (protocol) => {
  const ROUNDS = 64;
  const EVENTS_PER_ROUND = 16;
  const HISTORY_BYTES = 16 * MIB;
  /** V8's young generation, what the allocator keeps of freed history, buffers of connections; of 64 MiB that are sent. */
  const SLACK_BYTES = 32 * MIB;

  let watched: Watched;

  beforeAll(async () => {
    const history = { maxBytes: HISTORY_BYTES, maxTotalBytes: HISTORY_BYTES };
    watched = await start(protocol, { history }, ['--expose-gc']);
  });

  afterEach(async () => {
    closeBodyClients();
    await expectNothingLeft(watched);
  });

  test('the history bounds memory, and only that client gets a reset', async () => {
    const { server } = watched;
    const [reading, stalled] = (await Promise.all([1, 2].map(() => BodyClient.open(protocol, server.port)))) as [
      BodyClient,
      BodyClient,
    ];
    stalled.pause();
    const padding = 'x'.repeat(MIB / EVENTS_PER_ROUND - 200);
    const { rss } = await server.resources();
    let most = 0;
    for (let round = 1; round <= ROUNDS; round += 1) {
      await server.repeat(EVENTS_PER_ROUND, 'broadcast', { data: [round, '{i}', padding] });
      await reading.next(round * EVENTS_PER_ROUND);
      most = Math.max(most, (await server.resources()).rss - rss);
    }
    expect(most).toBeLessThan(HISTORY_BYTES + SLACK_BYTES);

    stalled.resume();
    await until('the gap to be told', () => stalled.events.some(({ event }) => event === 'ssekit:reset'));
    await server.call('broadcast', { event: 'last', data: null });
    await Promise.all(
      [reading, stalled].map((client) => until('the last event', () => client.events.at(-1)?.event === 'last')),
    );
    const [all, seen] = [reading, stalled].map((client) => client.events.slice(1).map(nameOf)) as [string[], string[]];
    const gap = seen.indexOf('ssekit:reset');
    const rest = seen.slice(gap + 1);
    expect(seen.slice(0, gap)).toEqual(all.slice(0, gap));
    expect(rest).toEqual(all.slice(-rest.length));
    expect((await server.call('stats')).resets).toBe(1);
  });
});

/** The name of the event. */
function nameOf({ event, data }: { event?: string | undefined; data: string }): string {
  return event ?? data.slice(0, data.indexOf('x'));
}
