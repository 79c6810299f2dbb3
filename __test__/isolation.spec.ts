/** No ids, cursors, headers or query parameters reveal anything of another user. */
import fc from 'fast-check';
import { RUNS } from './support/arbitrary';
import { type Evaluator, stopEvaluators } from './support/evaluator';
import { closeClients, RawClient } from './support/raw-client';
import { withoutRefusals } from './support/refusal-lines';
import { startWith, TRANSPORTS } from './support/transports';
import { until } from './support/until';

/** Something of Ada's stands in each of the places that an attacker may ask for. */
const ADAS_CLIENT = 'tab-of-ada';
const ADAS_CHANNEL = 'room-of-ada';
const OWN_IDS = ['order-1', 'order-2', 'secret-1', '1', 'x y'];

/** Values that a header or a query can carry, also some that only look like cursors. */
const text = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength: 60 }),
  fc.constantFrom(
    ADAS_CLIENT,
    `${ADAS_CLIENT} `,
    ADAS_CLIENT.toUpperCase(),
    'ada',
    '*',
    '%',
    '..',
    '__proto__',
    'null',
  ),
);

/** Ids as an attacker would make them from what he has seen of his own. */
const cursor = fc.oneof(
  fc.nat({ max: 400 }).map((position) => `{epoch}.${position}`),
  fc.constantFrom(
    '{epoch}.0',
    '{epoch}.-1',
    '{epoch}.',
    '{epoch}.18446744073709551615',
    'ssekit:evicted',
    'ssekit:unknown',
  ),
  fc.constantFrom(...OWN_IDS),
  text,
);

/** One request of Mallory's. `userId` in the query is what the application's own log-in says, and that is never Ada. */
const request = fc.record(
  {
    userId: fc.oneof(
      fc.constantFrom('mallory', 'ada ', ' ada', 'Ada', 'ada\0', 'ada/bob', '{"id":"ada"}', 'bob'),
      // An application that names nobody must pass nothing.
      text.filter((text) => text !== ''),
    ),
    clientId: text,
    lastEventId: cursor,
    header: cursor,
    headers: fc.dictionary(
      fc.constantFrom('x-user-id', 'x-forwarded-user', 'cookie', 'authorization', 'x-client-id', 'accept', 'origin'),
      fc.constantFrom('ada', 'user=ada', 'Bearer ada', ADAS_CLIENT, '*/*', 'text/event-stream'),
    ),
    since: cursor,
    query: fc.dictionary(
      fc.constantFrom('user', 'user_id', 'client_id', 'userid', 'lastEventID', 'channel', 'channels', '__proto__'),
      fc.oneof(text, fc.constant(ADAS_CHANNEL)),
    ),
  },
  { requiredKeys: ['headers', 'query'] },
);

type Forged = typeof request extends fc.Arbitrary<infer T> ? T : never;

function pathOf({ userId, clientId, lastEventId, since, query }: Forged, epoch: string): string {
  const own = { ...query, userId, clientId, lastEventId, since };
  const pairs = Object.entries(own).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return `/sse?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(value.replace('{epoch}', epoch))}`).join('&')}`;
}

afterAll(stopEvaluators);
afterEach(closeClients);

/** Sends to Ada in every way, to somebody else, and to all. Returns the number of what is for all. */
const sendAround = (server: Evaluator): Promise<unknown> =>
  server.evaluate(
    ({ sse, state }, client, channel, ids) => {
      state.round = (state.round ?? 0) + 1;
      const id = ids[state.round % ids.length];
      sse.sendToUser('ada', { event: 'secret', data: 'of ada', id: state.round % 2 ? id : undefined });
      sse.sendToClient(client, { event: 'secret', data: 'of ada', id: state.round % 3 ? undefined : id });
      sse.sendToChannel(channel, { event: 'secret', data: 'of ada', id: state.round % 5 ? undefined : id });
      sse.sendToUser('carol', { event: 'secret', data: 'of carol' });
      sse.broadcast({ event: 'public', data: state.round });
      return state.round;
    },
    ADAS_CLIENT,
    ADAS_CHANNEL,
    OWN_IDS,
  );

/** An attacker may see ssekit's own events, which name nobody else, and broadcasts. */
function expectNothingOfOthers(client: RawClient, forged: Forged): void {
  for (const { event, data } of client.events()) {
    expect(['ssekit:ready', 'ssekit:reset', 'public']).toContain(event);
    if (event === 'ssekit:ready') {
      const { userId, clientId, channels } = JSON.parse(data);
      expect(channels).toBe(undefined);
      expect(userId).toBe(forged.userId ?? null);
      expect(clientId).not.toBe(ADAS_CLIENT);
    }
  }
  expect(client.received.includes('of ada')).toBe(false);
  expect(client.received.includes('of carol')).toBe(false);
}

describe.each(TRANSPORTS)('over %s', (transport) => {
  let server: Evaluator;
  let epoch: string;
  beforeAll(async () => {
    server = await startWith(transport);
    epoch = await server.evaluate((given, channel) => {
      // The user and the channels are those that the application says; the rest is the page's.
      given.clientOf = (query) => {
        const userId = query.get('userId');
        return { userId, anonymous: true, channels: userId === 'ada' ? [channel] : [] };
      };
      return given.sse.cursor().split('.')[0] as string;
    }, ADAS_CHANNEL);
  });

  test.each(['connected', 'away'])('events of a user who is %s, and of her channel, reach nobody else', async (ada) => {
    const hers = { path: `/sse?userId=ada&clientId=${ADAS_CLIENT}` };
    const kept = await RawClient.stream(server.port, hers);
    for (let round = 0; round < 5; round += 1) await sendAround(server);
    if (ada === 'away') {
      kept.destroy();
      const clients = (): Promise<string[]> => server.evaluate(({ sse }) => sse.getActiveClients());
      await until('her to be away', async () => (await clients()).length === 0);
    }
    await fc.assert(
      fc.asyncProperty(request, async (forged) => {
        fc.pre(forged.userId !== 'ada');
        const { header } = forged;
        const headers = { ...forged.headers, ...(header && { 'last-event-id': header.replace('{epoch}', epoch) }) };
        const client = await RawClient.request(server.port, { path: pathOf(forged, epoch), headers });
        await until('an answer', () => client.status);
        if (client.status === 200) {
          const { resumed } = await client.ready();
          // The reset covers anything sent before the page learns of a gap.
          if (!resumed && (header || forged.lastEventId)) {
            await until('the gap to be told', () => client.events().some(({ event }) => event === 'ssekit:reset'));
          }
          const round = await sendAround(server);
          await until('what is for all', () =>
            client.events().some(({ event, data }) => event === 'public' && data === String(round)),
          );
        } else expect([400, 409]).toContain(client.status);
        expectNothingOfOthers(client, forged);
        client.destroy();
      }),
      { ...RUNS, numRuns: 150 },
    );
    expect(withoutRefusals(server.stderr)).toBe('');
  });
});
