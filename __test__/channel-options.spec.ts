/** Options of channels by name: bounds of their logs, and clients that learn who comes and goes. */
import { Evaluator, stopEvaluators } from './support/evaluator';
import { closeClients, type RawClient } from './support/raw-client';
import { openStream, startWith, TRANSPORTS } from './support/transports';

afterEach(closeClients);
afterAll(stopEvaluators);

const CHANNELS = {
  '*': { history: { maxEvents: 2 } },
  'room:*': { presence: true },
};

/** The names and data of what the client got after `ssekit:ready`. */
const said = (client: RawClient): [string | undefined, Record<string, unknown>][] =>
  client
    .events()
    .slice(1)
    .map(({ event, data }) => [event, JSON.parse(data)]);

describe.each(TRANSPORTS)('over %s', (transport) => {
  let server: Evaluator;
  beforeAll(async () => {
    server = await startWith(transport, { channels: CHANNELS, presenceGraceMs: 100 });
    await server.evaluate((given) => {
      given.clientOf = (query) => ({
        userId: query.get('userId'),
        clientId: query.get('clientId') ?? undefined,
        channels: query.getAll('channel'),
        data: { name: query.get('userId') },
      });
    });
  });

  const open = (query: string): Promise<RawClient> => openStream(server, transport, { path: `/sse?${query}` });

  test('clients of a channel with presence learn who comes and goes', async () => {
    const ada = await open('userId=ada&channel=room:1');
    await ada.next(1);
    const bob = await open('userId=bob&clientId=tab&channel=room:1&channel=quiet');
    await ada.next(2);
    const [[, ownJoin], [event, join]] = said(ada) as [[string, { member: string }], [string, { member: string }]];
    expect(event).toBe('ssekit:join');
    expect(join).toEqual({ channel: 'room:1', member: join.member, userId: 'bob', data: { name: 'bob' } });
    expect(join.member).toMatch(/^[0-9a-f]{16}$/);
    expect(ownJoin.member).not.toBe(join.member);
    bob.destroy();
    await ada.next(3);
    expect(said(ada)[2]).toEqual(['ssekit:leave', { channel: 'room:1', member: join.member, userId: 'bob' }]);
  });

  test('a log has the bounds of its channel', async () => {
    const kept = await server.evaluate(async ({ sse }) => {
      for (const channel of ['news', 'room:2']) {
        for (const data of [1, 2, 3]) sse.sendToChannel(channel, { event: 'n', data });
      }
      const of = async (channel: string) => (await sse.history({ channel })).map(({ data }) => data);
      return [await of('news'), await of('room:2')];
    });
    expect(kept).toEqual([
      ['2', '3'],
      ['1', '2', '3'],
    ]);
  });
});

test.each([
  [5, 'options.channels: got 5, wants an object of channel names, with the options of each'],
  [{ '': {} }, 'options.channels[""]: got an empty string, wants 1 to 256 bytes'],
  [
    { 'a\n*': {} },
    'options.channels["a\\n*"]: got the control character U+000A, wants a name without control characters',
  ],
  [{ a: { presense: true } }, 'options.channels["a"].presense: no such option; known are presence, history'],
  [{ a: { presence: 1 } }, 'options.channels["a"].presence: got 1, wants true or false'],
  [
    { a: { history: { maxEvents: 0 } } },
    'options.channels["a"].history.maxEvents: got 0, wants an integer from 1 to 10,000,000',
  ],
])('%p is no choice of options', async (channels, message) => {
  const server = await Evaluator.start();
  const got = await server.evaluate(({ SSEService }, given) => {
    try {
      SSEService.configure({ channels: given as never });
      return 'accepted';
    } catch (error) {
      return (error as Error).message;
    }
  }, channels as unknown);
  expect(got).toBe(message);
});
