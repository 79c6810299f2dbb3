/** The service: the integration guide's five methods in their shapes, and what belongs to them. */
import { type Evaluator, type Given, stopEvaluators } from './support/evaluator';
import { closeClients, RawClient } from './support/raw-client';
import { openStream, startWith, TRANSPORTS } from './support/transports';
import { until } from './support/until';

afterEach(closeClients);
afterAll(stopEvaluators);

describe.each(TRANSPORTS)('over %s', (transport) => {
  let server: Evaluator;
  beforeAll(async () => {
    server = await startWith(transport, { history: { maxBytes: 64 << 20, maxTotalBytes: 128 << 20 } });
  });
  beforeEach(() => until('a quiet server', () => server.evaluate(({ sse }) => sse.getActiveClients().length === 0)));

  const open = (query: string): Promise<RawClient> => openStream(server, transport, { path: `/sse?${query}` });

  /** Names and data of the clients' events, once each client has its number of events. */
  async function received(counts: [RawClient, number][]): Promise<string[][]> {
    await Promise.all(counts.map(([client, count]) => client.next(count)));
    return counts.map(([client]) =>
      client.events().flatMap(({ event, data }) => (event === 'ssekit:ready' ? [] : [`${event} ${data}`])),
    );
  }

  test('a send returns how many clients it reaches', async () => {
    const [laptop, phone] = [await open('userId=ada&clientId=laptop'), await open('userId=ada&clientId=phone')];
    const [grace, nobody] = [await open('userId=grace&clientId=tablet'), await open('clientId=guest')];
    const returned = await server.evaluate(({ SSEService }) => {
      const sseService = SSEService.getInstance();
      return {
        toUser: sseService.sendToUser('ada', {
          event: 'notification',
          data: { message: 'hello', timestamp: new Date(0).toISOString() },
        }),
        toClient: sseService.sendToClient('phone', { event: 'update', data: 'just here' }),
        toAll: sseService.broadcast({ event: 'system-announcement', data: { message: 'all', type: 'info' } }),
        toOthers: sseService.broadcast({ event: 'joined', data: 'tablet', id: 'own', retry: 10 }, 'tablet'),
        active: sseService.getActiveClients().sort(),
        ofAda: sseService.getClientsByUser('ada'),
        ofNobody: sseService.getClientsByUser('nobody'),
      };
    });
    expect(returned).toEqual({
      toUser: 2,
      toClient: true,
      toAll: 4,
      toOthers: 3,
      active: ['guest', 'laptop', 'phone', 'tablet'],
      ofAda: ['laptop', 'phone'],
      ofNobody: [],
    });
    const notification = 'notification {"message":"hello","timestamp":"1970-01-01T00:00:00.000Z"}';
    const announcement = 'system-announcement {"message":"all","type":"info"}';
    const joined = 'joined "tablet"';
    expect(
      await received([
        [laptop, 3],
        [phone, 4],
        [nobody, 2],
      ]),
    ).toEqual([
      [notification, announcement, joined],
      [notification, 'update "just here"', announcement, joined],
      [announcement, joined],
    ]);
    await server.evaluate(({ sse }) => sse.sendToUser('grace', { event: 'last', data: 1 }));
    expect(await received([[grace, 2]])).toEqual([[announcement, 'last 1']]);
  });

  test.each([
    ['undefined', undefined],
    ['null', null],
    ['an id that nobody has', 'nobody'],
  ])('a broadcast that excludes %s reaches everybody', async (_, exclude) => {
    // New ids: a page that comes back with an old one gets a reset.
    const clients = [await open(`clientId=a-${exclude}`), await open(`clientId=b-${exclude}`)];
    const send = () => server.evaluate(({ sse }, id) => sse.broadcast({ event: 'all', data: 1 }, id), exclude);
    expect(await send()).toBe(2);
    expect(await received(clients.map((client) => [client, 1]))).toEqual([['all 1'], ['all 1']]);
  });

  test('the clients of a user stand in the order of their connections', async () => {
    for (const id of ['3', '1', '4', '2']) await open(`userId=ada&clientId=${id}`);
    const order = () => server.evaluate(({ sse }) => sse.getClientsByUser('ada'));
    expect(await order()).toEqual(['3', '1', '4', '2']);
    // The newer connection of the same client is the youngest.
    await open('userId=ada&clientId=1');
    expect(await order()).toEqual(['3', '4', '2', '1']);
  });

  test('a client without an id gets a UUID in its first event', async () => {
    const client = await open('userId=ada');
    const { clientId } = await client.ready();
    expect(clientId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(await server.evaluate(({ sse }) => sse.getActiveClients())).toEqual([clientId]);
  });

  test('disconnectClient ends only that stream, and cleanly', async () => {
    const [one, other] = [await open('clientId=one'), await open('clientId=other')];
    const returned = await server.evaluate(({ sse }) => [
      sse.disconnectClient('one'),
      sse.disconnectClient('one'),
      sse.sendToClient('one', { event: 'late', data: 1 }),
      sse.getActiveClients(),
      sse.broadcast({ event: 'after', data: 1 }),
    ]);
    expect(returned).toEqual([true, false, false, ['other'], 1]);
    await until('the last chunk', () => one.isComplete);
    expect(
      await received([
        [one, 0],
        [other, 1],
      ]),
    ).toEqual([[], ['after 1']]);
    expect(other.ended).toBe(false);
  });

  test("disconnectUser ends only that user's streams", async () => {
    const [laptop, phone] = [await open('userId=ada&clientId=laptop'), await open('userId=ada&clientId=phone')];
    const [grace, guest] = [await open('userId=grace&clientId=grace'), await open('clientId=ada')];
    const returned = await server.evaluate(({ sse }) => [
      sse.disconnectUser('ada'),
      sse.disconnectUser('ada'),
      sse.getClientsByUser('ada'),
      sse.sendToUser('ada', { event: 'late', data: 1 }),
      sse.broadcast({ event: 'after', data: 1 }),
    ]);
    expect(returned).toEqual([2, 0, [], 0, 2]);
    await until('the last chunks', () => laptop.isComplete && phone.isComplete);
    expect(
      await received([
        [grace, 1],
        [guest, 1],
      ]),
    ).toEqual([['after 1'], ['after 1']]);
  });

  test.each<[string, (given: Given) => unknown]>([
    ['disconnectClient', ({ sse }) => sse.disconnectClient('tab')],
    ['disconnectUser', ({ sse }) => sse.disconnectUser('ada')],
  ])('what was sent right before %s still arrives', async (_, disconnect) => {
    const client = await open('userId=ada&clientId=tab');
    await server.evaluate((given, disconnect) => {
      given.sse.broadcast({ event: 'to all', data: 1 });
      given.sse.sendToUser('ada', { event: 'to the user', data: 2 });
      given.sse.sendToClient('tab', { event: 'to the client', data: 3 });
      return given.compile(disconnect)(given);
    }, `${disconnect}`);
    await until('the last chunk', () => client.isComplete);
    expect(await received([[client, 3]])).toEqual([['to all 1', 'to the user 2', 'to the client 3']]);
  });

  test('a newer connection of the same user and client id replaces the older', async () => {
    const older = await open('userId=ada&clientId=tab');
    const newer = await open('userId=ada&clientId=tab');
    await until('the last chunk', () => older.isComplete);
    expect(await server.evaluate(({ sse }) => sse.sendToClient('tab', { event: 'x', data: 1 }))).toBe(true);
    expect(
      await received([
        [older, 0],
        [newer, 1],
      ]),
    ).toEqual([[], ['x 1']]);
  });

  test.each([
    ['another user', 'userId=grace&clientId=tab'],
    ['an anonymous client', 'clientId=tab'],
  ])('the client id of a connected user is refused to %s with 409', async (_, query) => {
    const owner = await open('userId=ada&clientId=tab');
    const thief = await RawClient.request(server.port, { path: `/sse?${query}` });
    await until('an answer', () => thief.body.includes('\n'));
    expect(thief.status).toBe(409);
    expect(thief.headerLines).toContain('content-type: text/plain; charset=utf-8');
    expect(`${thief.body}`).toBe('clientId: got an id that belongs to another user, wants another id.\n');
    const reached = await server.evaluate(({ sse }) => [
      sse.getActiveClients(),
      sse.sendToUser('grace', { event: 'x', data: 1 }),
      sse.sendToClient('tab', { event: 'for the owner', data: 1 }),
    ]);
    expect(reached).toEqual([['tab'], 0, true]);
    expect(await received([[owner, 1]])).toEqual([['for the owner 1']]);
  });

  test('application headers go out, except those of an event stream', async () => {
    await server.evaluate((given) => {
      given.clientOf = (query) => ({ anonymous: true, headers: JSON.parse(`${query.get('headers')}`) });
    });
    const headers = [
      ['X-Mine', 'yes'],
      ['Set-Cookie', 'a=1; Path=/'],
      ['Set-Cookie', 'b=2'],
      ['Content-Type', 'text/plain'],
      ['Content-Length', '5'],
      ['Content-Encoding', 'gzip'],
      ['Transfer-Encoding', 'gzip'],
      ['Cache-Control', 'public, max-age=60'],
      ['X-Accel-Buffering', 'yes'],
    ];
    const client = await open(`headers=${encodeURIComponent(JSON.stringify(headers))}`);
    const names = ['x-mine', 'set-cookie', 'cache-control', 'transfer-encoding', 'x-accel-buffering'];
    const lines = client.headerLines.filter(
      (line) => line.startsWith('content-') || names.includes(line.split(':')[0] ?? ''),
    );
    expect(lines.sort()).toEqual([
      'cache-control: no-cache, no-transform',
      'content-type: text/event-stream; charset=utf-8',
      'set-cookie: a=1; path=/',
      'set-cookie: b=2',
      'transfer-encoding: chunked',
      'x-accel-buffering: no',
      'x-mine: yes',
    ]);
    await server.evaluate((given) => {
      given.clientOf = (query) => ({
        userId: query.get('userId'),
        anonymous: true,
        clientId: query.get('clientId') ?? undefined,
      });
    });
  });

  test('an array gives several headers of one name; undefined gives none', async () => {
    await server.evaluate((given) => {
      given.clientOf = () => ({
        anonymous: true,
        headers: {
          'set-cookie': ['a=1', 'b=2'],
          'x-mine': undefined,
          'x-yours': null,
          'x-count': 5,
          'x-list': ['c', 'd'],
        },
      });
    });
    const client = await open('');
    const lines = client.headerLines.filter((line) => /^(set-cookie|x-(?!accel))/.test(line));
    expect(lines.sort()).toEqual(['set-cookie: a=1', 'set-cookie: b=2', 'x-count: 5', 'x-list: c, d']);
    await server.evaluate((given) => {
      given.clientOf = (query) => ({
        userId: query.get('userId'),
        anonymous: true,
        clientId: query.get('clientId') ?? undefined,
      });
    });
  });

  test('HEAD gets the headers and no client', async () => {
    const client = await RawClient.request(server.port, { method: 'HEAD', path: '/sse?userId=ada' });
    await until('the head', () => client.headText);
    expect(client.status).toBe(200);
    expect(client.headerLines).toContain('content-type: text/event-stream; charset=utf-8');
    expect(await server.evaluate(({ sse }) => sse.getActiveClients())).toEqual([]);
    expect(client.body).toHaveLength(0);
  });

  test('a peer that leaves before the handler answers is no client', async () => {
    const port = await server.evaluate(async ({ handleSSE, require, state }) => {
      const { once } = require('node:events');
      const slow = require('node:http').createServer(async (req: never, res: never) => {
        state.asked = true;
        // As if a session store answered only now.
        await once(res, 'close');
        handleSSE(req, res, { userId: 'late' });
        state.answered = true;
      });
      slow.listen(0, '127.0.0.1');
      await once(slow, 'listening');
      return slow.address().port as number;
    });
    const client = await RawClient.request(port);
    await until('the request', () => server.evaluate(({ state }) => state.asked));
    client.destroy();
    await until('the handler', () => server.evaluate(({ state }) => state.answered));
    const left = ({ sse }: Given): unknown => [sse.getClientsByUser('late'), sse.stats().clients];
    expect(await server.evaluate(left)).toEqual([[], 0]);
  });

  test('flush waits until every event is sent', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => open('userId=ada')));
    const [sent, delivered] = await server.evaluate(async ({ sse }) => {
      const before = sse.stats().deliveries;
      for (let n = 0; n < 50; n += 1) {
        sse.broadcast({ event: 'n', data: n });
        sse.sendToUser('ada', { event: 'n', data: n });
      }
      await sse.flush();
      return [100 * 20, sse.stats().deliveries - before];
    });
    expect(delivered).toBe(sent);
    const expected = Array.from({ length: 50 }, (_, n) => [`n ${n}`, `n ${n}`]).flat();
    for (const events of await received(clients.map((client) => [client, 100]))) expect(events).toEqual(expected);
  });

  test('flush waits for a client that does not read', async () => {
    const client = await open('userId=slow');
    // More than the kernel takes for a connection.
    const megabytes = 40;
    client.socket.removeAllListeners('data').pause();
    await server.evaluate(({ sse, state }, megabytes) => {
      const before = sse.stats();
      for (let n = 0; n < megabytes; n += 1) sse.sendToUser('slow', { event: 'big', data: 'x'.repeat(1_000_000) });
      state.isUnderWay = () => sse.stats().bytes > before.bytes + 1_000_000;
      state.flushed = undefined;
      state.flush = sse.flush().then(() => {
        state.flushed = sse.stats().deliveries - before.deliveries;
      });
    }, megabytes);
    await until('the first event to be on its way', () => server.evaluate(({ state }) => state.isUnderWay()));
    expect(await server.evaluate(({ state }) => state.flushed)).toBeUndefined();
    client.socket.on('data', () => {}).resume();
    await server.evaluate(({ state }) => state.flush);
    expect(await server.evaluate(({ state }) => state.flushed)).toBe(megabytes);
  });

  test('stats are plain, consistent numbers', async () => {
    const before = await server.evaluate(({ sse }) => sse.stats());
    const one = await open('userId=ada&clientId=one');
    await open('userId=ada&clientId=two');
    await open('clientId=three');
    await open('userId=grace&clientId=four');
    await open('userId=grace&clientId=four');
    one.reset();
    await until('one to go', () => server.evaluate(({ sse }) => sse.getActiveClients().length === 3));
    const { stats, json, active } = await server.evaluate(async ({ sse }) => {
      sse.broadcast({ event: 'x', data: 1 });
      sse.sendToUser('ada', { event: 'x', data: 1 });
      sse.sendToClient('three', { event: 'x', data: 1 });
      sse.disconnectClient('three');
      await sse.flush();
      const stats = sse.stats();
      return { stats, json: JSON.parse(JSON.stringify(stats)), active: sse.getActiveClients() };
    });
    expect(json).toEqual(stats);
    expect(stats).toEqual({
      clients: 2,
      users: 2,
      away: expect.any(Number),
      channels: 0,
      transports: { opening: 0, handoff: 0, stream: 0, listener: 0, [transport]: 2 },
      connects: before.connects + 5,
      resumed: 0,
      disconnects: {
        ...before.disconnects,
        peer: before.disconnects.peer + 1,
        replaced: before.disconnects.replaced + 1,
        server: before.disconnects.server + 1,
      },
      refusals: before.refusals,
      notHandedOff: {
        ...before.notHandedOff,
        transport: before.notHandedOff.transport + (transport === 'stream' ? 5 : 0),
      },
      events: before.events + 3,
      coalesced: 0,
      deliveries: expect.any(Number),
      bytes: expect.any(Number),
      heartbeats: 0,
      resets: expect.any(Number),
      lag: { clients: 0, events: 0, ms: 0 },
      history: { logs: expect.any(Number), events: expect.any(Number), bytes: expect.any(Number) },
      epoch: before.epoch,
      position: before.position + 3,
      cluster: null,
    });
    expect(active).toHaveLength(stats.clients);
    const gone = Object.values(stats.disconnects).reduce((sum, count) => sum + count, 0);
    expect(stats.connects - gone).toBe(stats.clients);
    const reasons = [
      'drained',
      'expired',
      'fault',
      'peer',
      'protocol',
      'replaced',
      'server',
      'slow',
      'timeout',
      'unopened',
    ];
    expect(Object.keys(stats.disconnects).sort()).toEqual(reasons);
    expect(stats.epoch).toMatch(/^[0-9a-z]{10}$/);
  });
});

test('every caller gets the same instance', async () => {
  const server = await startWith('handoff');
  const same = await server.evaluate(({ SSEService, sse, require }) => [
    SSEService.getInstance() === sse,
    SSEService.configure({ transport: 'auto', heartbeatMs: 3_600_000 }) === sse,
    require('ssekit').SSEService.getInstance() === sse,
    sse instanceof SSEService,
  ]);
  expect(same).toEqual([true, true, true, true]);
});

test('flush resolves without a hub or clients', async () => {
  const server = await startWith('handoff');
  expect(await server.evaluate(({ sse }) => sse.flush())).toBeUndefined();
  await server.evaluate(({ sse }) => sse.broadcast({ event: 'x', data: 1 }));
  expect(await server.evaluate(({ sse }) => sse.flush())).toBeUndefined();
});
