/** A page that was rendered with a cursor gets each event that came after it, once, or learns that it cannot. */
import type * as Next from '../ts/next/index';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { closeClients, RawClient } from './support/raw-client';
import { openStream, startWith, TRANSPORTS } from './support/transports';

afterEach(closeClients);
afterAll(stopEvaluators);

const said = (client: RawClient): string[] => client.events().map(({ event, data }) => `${event ?? ''} ${data}`);

async function expectSaid(client: RawClient, expected: string[]): Promise<void> {
  await client.next(expected.length);
  expect(said(client).slice(1)).toEqual(expected);
}

/** An application that leaves the cursor to the page. */
async function withChannel(server: Evaluator): Promise<Evaluator> {
  await server.evaluate((given) => {
    given.clientOf = (query) => ({
      userId: query.get('userId'),
      anonymous: true,
      channels: ['orders'],
      since: query.get('option'),
    });
  });
  return server;
}

const cursor = (server: Evaluator): Promise<string> => server.evaluate(({ sse }) => sse.cursor());

/** Sends an event to each kind of receiver. */
const sendAll = (server: Evaluator, data: number) =>
  server.evaluate(({ sse }, data) => {
    sse.sendToChannel('orders', { event: 'channel', data });
    sse.sendToUser('ada', { event: 'user', data });
    sse.sendToUser('bob', { event: 'user', data });
    sse.sendToChannel('other', { event: 'channel', data });
    sse.broadcast({ event: 'all', data });
  }, data);

describe.each(TRANSPORTS)('over %s', (transport) => {
  let server: Evaluator;
  beforeAll(async () => {
    server = await withChannel(await startWith(transport));
  });

  const open = (query: Record<string, string>, headers?: Record<string, string>): Promise<RawClient> =>
    openStream(server, transport, { path: `/sse?${new URLSearchParams(query)}`, headers });

  test.each<Record<string, string>>([{}, { clientId: 'fresh' }])(
    'the stream begins where the snapshot ended, with %p',
    async (own) => {
      await sendAll(server, 1);
      const since = await cursor(server);
      await sendAll(server, 2);
      // An event for a client that is not known is no loss of this page.
      await server.evaluate(({ sse }) => sse.sendToClient('a stranger', { data: 1 }));
      const page = await open({ userId: 'ada', since, ...own });
      await sendAll(server, 3);
      await expectSaid(page, ['channel 2', 'user 2', 'all 2', 'channel 3', 'user 3', 'all 3']);
      expect((await page.ready()).resumed).toBe(false);
    },
  );

  test('a page that was cut before its first event begins there again', async () => {
    const since = await cursor(server);
    await sendAll(server, 1);
    const page = await open({ userId: 'ada', since });
    const id = page.events()[0]?.id as string;
    const again = await open({ userId: 'ada', since }, { 'last-event-id': id });
    await expectSaid(again, ['channel 1', 'user 1', 'all 1']);
  });

  test('a last event id counts more than a cursor', async () => {
    const since = await cursor(server);
    await sendAll(server, 1);
    const seen = await cursor(server);
    await sendAll(server, 2);
    const expected = ['channel 2', 'user 2', 'all 2'];
    await expectSaid(await open({ userId: 'ada', since }, { 'last-event-id': seen }), expected);
    await expectSaid(await open({ userId: 'ada', since, lastEventId: seen }), expected);
  });

  test('the option counts more than the query', async () => {
    const since = await cursor(server);
    await sendAll(server, 1);
    const option = await cursor(server);
    await sendAll(server, 2);
    await expectSaid(await open({ userId: 'ada', since, option }), ['channel 2', 'user 2', 'all 2']);
  });

  test.each<[what: string, make: (now: string) => string]>([
    ['of the future', (now) => `${now}9`],
    ['of another epoch', (now) => now.replace(/^../, (start) => (start === 'zz' ? 'aa' : 'zz'))],
    ['without a position', (now) => now.replace(/\..*/, '.')],
    ['that is empty', () => ''],
    ['that is text', () => 'null'],
    ['that is long', () => 'x'.repeat(10_000)],
    ['with a line end', (now) => `${now}\n\nevent: forged`],
  ])('a cursor %s resets the page first', async (_, make) => {
    const now = await cursor(server);
    for (const name of ['since', 'option']) {
      const page = await open({ userId: 'ada', [name]: make(now) });
      await server.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'live', data: 1 }));
      await expectSaid(page, ['ssekit:reset {"reason":"unknown"}', 'live 1']);
      page.destroy();
    }
  });

  test('a subscription may begin at a snapshot', async () => {
    const page = await open({ userId: 'ada', clientId: 'subscribes' });
    const since = await cursor(server);
    const result = await server.evaluate(({ sse }, since) => {
      const target = { clientId: 'subscribes' };
      sse.sendToChannel('list', { event: 'row', data: 1 });
      const subscribed = [
        sse.subscribe(target, 'list', { since }),
        sse.subscribe(target, 'list', { since }),
        sse.subscribe(target, 'lost', { since: 'nonsense' }),
        sse.subscribe(target, 'plain', { since: undefined }),
      ];
      sse.sendToChannel('list', { event: 'row', data: 2 });
      sse.sendToChannel('lost', { event: 'row', data: 3 });
      return subscribed;
    }, since);
    expect(result).toEqual([true, false, true, true]);
    await expectSaid(page, [
      'row 1',
      'ssekit:subscribed {"channel":"list"}',
      'ssekit:reset {"channel":"lost","reason":"unknown"}',
      'ssekit:subscribed {"channel":"lost"}',
      'ssekit:subscribed {"channel":"plain"}',
      'row 2',
      'row 3',
    ]);
  });
});

test('a snapshot whose events are gone resets the page first', async () => {
  const server = await withChannel(await Evaluator.start({ history: { maxEvents: 2 } }));
  const since = await cursor(server);
  for (const data of [1, 2, 3]) await sendAll(server, data);
  const page = await RawClient.stream(server.port, { path: `/sse?userId=ada&since=${since}` });
  await sendAll(server, 4);
  await expectSaid(page, ['ssekit:reset {"reason":"evicted"}', 'channel 4', 'user 4', 'all 4']);
});

test('a snapshot from before a restart resets the page first', async () => {
  const before = await Evaluator.start();
  const since = await cursor(before);
  await before.stop();
  const server = await withChannel(await Evaluator.start());
  const page = await RawClient.stream(server.port, { path: `/sse?userId=ada&since=${since}` });
  await sendAll(server, 1);
  await expectSaid(page, ['ssekit:reset {"reason":"unknown"}', 'channel 1', 'user 1', 'all 1']);
});

test('a cursor fixes the hub, so that it stays valid', async () => {
  const server = await Evaluator.start();
  const { first, second, epoch } = await server.evaluate(({ sse }) => {
    return { first: sse.cursor(), second: sse.cursor(), epoch: sse.stats().epoch };
  });
  expect([first, second]).toEqual([`${epoch}.0`, `${epoch}.0`]);
  const thrown = await server.thrownBy(({ SSEService }) => SSEService.configure({ retryMs: 7 }));
  expect(thrown.code).toBe('ERR_SSEKIT_CONFIGURED');
});

test('each way to connect takes a cursor, from the options and from the query', async () => {
  const server = await Evaluator.start();
  const streams = await server.evaluate(async ({ sse, require }) => {
    const { createSSERoute }: typeof Next = require('ssekit/next');
    const since = sse.cursor();
    sse.broadcast({ event: 'missed', data: 1 });
    const plain = () => new Request('http://localhost/sse');
    const asked = () => new Request(`http://localhost/sse?since=${since}`);
    const anonymous = true;
    const responses = [
      sse.connect(plain(), { anonymous, since }),
      sse.connect(asked(), { anonymous }),
      sse.connect(asked(), { anonymous, since: null }),
      await createSSERoute({ identify: () => ({ anonymous, since }) }).GET(plain()),
      await createSSERoute({ identify: () => ({ anonymous }) }).GET(asked()),
    ];
    const texts: string[] = [];
    for (const { body } of responses) {
      const reader = (body as ReadableStream<Uint8Array>).getReader();
      const names = [];
      for (const _ of ['ready', 'event']) {
        names.push(/^event: (.*)$/m.exec(new TextDecoder().decode((await reader.read()).value))?.[1]);
      }
      texts.push(names.join());
      await reader.cancel();
    }
    return texts;
  });
  expect(streams).toEqual(Array(5).fill('ssekit:ready,missed'));
});
