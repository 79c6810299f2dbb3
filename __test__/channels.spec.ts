/** Channels: a subscriber gets their events, in one order with all others, and learns where a subscription begins. */
import type { ConnectOptions } from '../index';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { killPrograms, Program } from './support/program';
import { closeClients, RawClient } from './support/raw-client';
import { openStream, startWith, TRANSPORTS } from './support/transports';
import { until } from './support/until';

afterEach(closeClients);
afterEach(killPrograms);
afterAll(stopEvaluators);

/** An application whose pages name their channels, and may read them all. */
async function withChannels(server: Evaluator): Promise<Evaluator> {
  await server.evaluate((given) => {
    given.clientOf = (query) => ({
      userId: query.get('userId'),
      anonymous: true,
      clientId: query.get('clientId') ?? undefined,
      channels: query.getAll('channel'),
    });
  });
  return server;
}

const said = (client: RawClient): string[] => client.events().map(({ event, data }) => `${event ?? ''} ${data}`);

/** The events that the client got after `ssekit:ready`, once all expected ones are there. */
async function expectSaid(client: RawClient, expected: string[]): Promise<void> {
  await client.next(expected.length);
  expect(said(client).slice(1)).toEqual(expected);
}

describe.each(TRANSPORTS)('over %s', (transport) => {
  let server: Evaluator;
  beforeAll(async () => {
    server = await withChannels(await startWith(transport));
  });
  beforeEach(() => until('a quiet server', () => server.evaluate(({ sse }) => sse.getActiveClients().length === 0)));

  const open = (query: string, headers?: Record<string, string>): Promise<RawClient> =>
    openStream(server, transport, { path: `/sse?${query}`, headers });

  test('an event reaches the subscribers of its channel only', async () => {
    const both = await open('channel=order:1&channel=order:2');
    const one = await open('channel=order:1');
    const none = await open('userId=order:1&clientId=order:2');
    const sent = await server.evaluate(({ sse }) => [
      sse.sendToChannel('order:1', { event: 'paid', data: 1 }),
      sse.sendToChannel('order:2', { event: 'paid', data: 2 }),
      sse.sendToChannel('order:3', { event: 'paid', data: 3 }),
      sse.broadcast({ event: 'all', data: 4 }),
    ]);
    expect(sent).toEqual([2, 1, 0, 3]);
    await expectSaid(both, ['paid 1', 'paid 2', 'all 4']);
    await expectSaid(one, ['paid 1', 'all 4']);
    await expectSaid(none, ['all 4']);
  });

  test('users, clients and channels of one name are three', async () => {
    const user = await open('userId=same&clientId=u');
    const client = await open('userId=x&clientId=same');
    const channel = await open('userId=x&clientId=c&channel=same');
    const returned = await server.evaluate(({ sse }) => [
      sse.sendToUser('same', { event: 'user', data: 1 }),
      sse.sendToClient('same', { event: 'client', data: 2 }),
      sse.sendToChannel('same', { event: 'channel', data: 3 }),
      sse.broadcast({ event: 'others', data: 4 }, 'same'),
      sse.getClientsByUser('same'),
      sse.getClientsByChannel('same'),
      sse.getActiveClients().sort(),
    ]);
    expect(returned).toEqual([1, true, 1, 2, ['u'], ['c'], ['c', 'same', 'u']]);
    await expectSaid(user, ['user 1', 'others 4']);
    await expectSaid(client, ['client 2']);
    await expectSaid(channel, ['channel 3', 'others 4']);
  });

  test('a subscription at run time begins and ends in the stream', async () => {
    const tab = await open('userId=ada&clientId=begins');
    const returned = await server.evaluate(({ sse }) => {
      const target = { clientId: 'begins' };
      const send = (data: string): number => sse.sendToChannel('news', { event: 'news', data });
      return [
        send('before'),
        sse.subscribe(target, 'news'),
        sse.subscribe(target, 'news'),
        send('during'),
        sse.unsubscribe(target, 'news'),
        sse.unsubscribe(target, 'news'),
        send('after'),
        sse.broadcast({ event: 'end', data: null }),
      ];
    });
    expect(returned).toEqual([0, true, false, 1, true, false, 0, 1]);
    await expectSaid(tab, [
      'ssekit:subscribed {"channel":"news"}',
      'news "during"',
      'ssekit:unsubscribed {"channel":"news"}',
      'end null',
    ]);
  });

  test('a user subscribes with all connected clients', async () => {
    const tabs = [await open('userId=bob&clientId=b1'), await open('userId=bob&clientId=b2')];
    const other = await open('userId=eve&clientId=e1');
    const returned = await server.evaluate(({ sse }) => [
      sse.subscribe({ clientId: 'b1' }, 'news'),
      sse.subscribe({ userId: 'bob' }, 'news'),
      sse.subscribe({ userId: 'bob' }, 'news'),
      sse.subscribe({ userId: 'nobody' }, 'news'),
      sse.subscribe({ clientId: 'nobody' }, 'news'),
      sse.sendToChannel('news', { event: 'news', data: 1 }),
      sse.unsubscribe({ userId: 'bob' }, 'news'),
      sse.unsubscribe({ userId: 'bob' }, 'news'),
      sse.broadcast({ event: 'end', data: 2 }),
    ]);
    expect(returned).toEqual([true, 1, 0, 0, false, 2, 2, 0, 3]);
    for (const tab of tabs) {
      await expectSaid(tab, [
        'ssekit:subscribed {"channel":"news"}',
        'news 1',
        'ssekit:unsubscribed {"channel":"news"}',
        'end 2',
      ]);
    }
    await expectSaid(other, ['end 2']);
  });

  test('a returning client has its channels, and misses nothing', async () => {
    const first = await open('userId=cyd&clientId=back&channel=named');
    await server.evaluate(({ sse }) => sse.subscribe({ clientId: 'back' }, 'later'));
    const id = (await first.next(1))[0]?.id as string;
    first.reset();
    await until('her to be gone', () => server.evaluate(({ sse }) => sse.getActiveClients().length === 0));
    const away = await server.evaluate(({ sse }) => [
      sse.sendToChannel('later', { event: 'n', data: 1 }),
      sse.sendToChannel('named', { event: 'n', data: 2 }),
      sse.sendToUser('cyd', { event: 'n', data: 3 }),
      sse.sendToChannel('other', { event: 'n', data: 4 }),
      sse.subscribe({ clientId: 'back' }, 'meanwhile'),
      sse.sendToChannel('meanwhile', { event: 'n', data: 5 }),
      sse.getChannels(),
      sse.getClientsByChannel('later'),
    ]);
    expect(away).toEqual([0, 0, 0, 0, true, 0, [], []]);
    const again = await open('userId=cyd&clientId=back&channel=named', { 'last-event-id': id });
    expect(await again.ready()).toEqual({
      channels: ['named', 'later', 'meanwhile'],
      clientId: 'back',
      heartbeatMs: 3_600_000,
      resumed: true,
      userId: 'cyd',
    });
    await expectSaid(again, ['n 1', 'n 2', 'n 3', 'ssekit:subscribed {"channel":"meanwhile"}', 'n 5']);
  });

  test('only the newest event with a `coalesceKey` waits in a channel', async () => {
    const first = await open('userId=dee&clientId=prices&channel=prices');
    const { id } = first.events().at(-1) as { id: string };
    first.reset();
    await until('her to be gone', () => server.evaluate(({ sse }) => sse.getActiveClients().length === 0));
    await server.evaluate(({ sse }) => {
      for (const data of [1, 2, 3]) sse.sendToChannel('prices', { event: 'price', data, coalesceKey: 'x' });
      sse.broadcast({ event: 'price', data: 4, coalesceKey: 'x' });
    });
    const again = await open('userId=dee&clientId=prices&channel=prices', { 'last-event-id': id });
    await expectSaid(again, ['price 3', 'price 4']);
  });

  test('who has subscribed can be asked', async () => {
    await open('userId=ada&clientId=a1&channel=x&channel=y');
    await open('userId=bob&clientId=b1&channel=y&channel=y');
    await open('clientId=c1');
    const answers = await server.evaluate(({ sse }) => ({
      channels: sse.getChannels().sort(),
      x: sse.getClientsByChannel('x'),
      y: sse.getClientsByChannel('y').sort(),
      z: sse.getClientsByChannel('z'),
      known: sse.stats().channels,
    }));
    expect(answers).toMatchObject({ channels: ['x', 'y'], x: ['a1'], y: ['a1', 'b1'], z: [] });
    expect(answers.known).toBeGreaterThanOrEqual(2);
  });
});

describe('a client as others see it', () => {
  test('has its user, data, time, transport and channels', async () => {
    const server = await Evaluator.start({ heartbeatMs: 3_600_000 });
    await server.evaluate((given) => {
      given.clientOf = (query): ConnectOptions => ({
        userId: query.get('userId'),
        anonymous: true,
        clientId: query.get('clientId') ?? undefined,
        channels: query.getAll('channel'),
        data: query.has('data') ? JSON.parse(query.get('data') as string) : undefined,
      });
    });
    const before = Date.now();
    const data = { name: 'Ada ♥ \u2028', roles: ['admin'], none: null };
    await RawClient.stream(server.port, {
      path: `/sse?userId=ada&clientId=tab&channel=x&data=${encodeURIComponent(JSON.stringify(data))}`,
    });
    await RawClient.stream(server.port, { path: '/sse?clientId=guest&channel=x' });
    await until('the handoffs', () => server.evaluate(({ sse }) => sse.stats().transports.handoff === 2));
    const answers = await server.evaluate(({ sse }) => {
      const response = sse.connect(new Request('http://localhost/'), { userId: 'eve', clientId: 'e', channels: ['x'] });
      const ids = (filter?: Parameters<typeof sse.getClients>[0]): string[] =>
        sse
          .getClients(filter)
          .map(({ id }) => id)
          .sort();
      const found = {
        all: ids(),
        ofAda: sse.getClients({ userId: 'ada' }),
        ofGuest: sse.getClients().filter(({ id }) => id === 'guest'),
        opening: sse.getClients({ userId: 'eve' }).map(({ transport }) => transport),
        ofX: ids({ channel: 'x' }),
        adaInX: ids({ userId: 'ada', channel: 'x' }),
        adaInY: ids({ userId: 'ada', channel: 'y' }),
        undefined: ids({ userId: undefined, channel: undefined }),
        isDate: sse.getClients().every(({ connectedAt }) => connectedAt instanceof Date),
      };
      void response.body?.cancel();
      return found;
    });
    const about = { transport: 'handoff', channels: ['x'], connectedAt: expect.anything(), member: expect.any(String) };
    expect(answers).toEqual({
      all: ['e', 'guest', 'tab'],
      ofAda: [{ id: 'tab', userId: 'ada', data, ...about }],
      ofGuest: [{ id: 'guest', userId: null, data: undefined, ...about }],
      opening: ['opening'],
      ofX: ['e', 'guest', 'tab'],
      adaInX: ['tab'],
      adaInY: [],
      undefined: ['e', 'guest', 'tab'],
      isDate: true,
    });
    const at = Number(answers.ofAda[0]?.connectedAt);
    expect(at).toBeGreaterThanOrEqual(before);
    expect(at).toBeLessThanOrEqual(Date.now());
  });

  test('is nobody before the hub has started', async () => {
    const server = await Evaluator.start();
    const answers = await server.evaluate(({ sse }) => [
      sse.getChannels(),
      sse.getClientsByChannel('x'),
      sse.getClients(),
    ]);
    expect(answers).toEqual([[], [], []]);
    expect(await server.evaluate(({ sse }) => sse.stats().epoch)).toBe('');
  });
});

test('`welcome` comes with the first event, and `data` does not', async () => {
  const server = await Evaluator.start();
  await server.evaluate((given) => {
    given.clientOf = () => ({
      userId: 'ada',
      clientId: 'tab',
      data: 'secret',
      welcome: { version: 7, half: '\ud800' },
    });
  });
  const tab = await RawClient.stream(server.port);
  expect(await tab.ready()).toEqual({
    clientId: 'tab',
    resumed: false,
    userId: 'ada',
    welcome: { version: 7, half: '\ud800' },
  });
});

test('all threads of a process share its channels', async () => {
  expect(await Program.result('workers-share-channels.cjs')).toEqual({
    seen: { channels: ['from main', 'its own'], clients: ['its'] },
    count: 1,
    received: expect.stringMatching(/^event: n\ndata: "from main"\n/),
    subscribed: 'ssekit:subscribed',
    sent: expect.stringMatching(/^data: "from the worker"\n/),
  });
});
