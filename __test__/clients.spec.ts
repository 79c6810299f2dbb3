/**
 * Other people's clients need some habits on the wire. These are the id after the data, heartbeats without a blank line, ids in
 * ASCII, a content type that names its charset, a space after each colon, and a bound on the size of an event.
 */
import { type Cut, CuttingProxy } from './support/cutting-proxy';
import { type Evaluator, stopEvaluators } from './support/evaluator';
import { closeClients, RawClient } from './support/raw-client';
import { type ClientEvent, ThirdPartyClient, type ThirdPartyStream } from './support/third-party';
import { startWith, TRANSPORTS } from './support/transports';
import { until } from './support/until';

interface Client {
  /** In `__test__/clients`. */
  file: string;
  /** Bugs of its own: what does not hold for it. The tests check that just this does not hold. */
  bugs?: {
    /** It takes an event for seen at its id line, so it does not ask again for one whose blank line was cut off. */
    losesUnfinished?: 'those that lack only their last newline';
    /** It keeps the data of half an event, and puts it before the data of what comes first in its next connection. */
    mixesUnfinished?: 'ssekit:ready, which half an event is mixed into';
  };
}

const CLIENTS: Client[] = [
  { file: 'eventsource.mjs' },
  {
    file: 'eventsource2.mjs',
    bugs: {
      losesUnfinished: 'those that lack only their last newline',
      mixesUnfinished: 'ssekit:ready, which half an event is mixed into',
    },
  },
  { file: 'eventsource-client.mjs' },
  { file: 'fetch-event-source.mjs', bugs: { losesUnfinished: 'those that lack only their last newline' } },
  { file: 'undici.mjs' },
  { file: 'httpx_sse_client.py' },
  { file: 'sseclient_py_client.py' },
];

const MIB = 1 << 20;

afterEach(closeClients);
afterAll(stopEvaluators);

describe.each(TRANSPORTS)('over %s', (transport) => {
  let server: Evaluator;
  beforeAll(async () => {
    // Clients come back at once, and idle streams have a heartbeat often.
    server = await startWith(transport, { heartbeatMs: 100, retryMs: 0, maxEventBytes: MIB });
  });

  test('the content type names its charset', async () => {
    const client = await RawClient.stream(server.port);
    expect(client.headerLines).toContain('content-type: text/event-stream; charset=utf-8');
  });

  test('an id that a Last-Event-ID header cannot carry is refused, and the error says so', async () => {
    const { message } = await server.thrownBy(({ sse }) => sse.broadcast({ event: 'x', data: 1, id: 'größe' }));
    expect(message).toMatch(/^event\.id: .*outside of ASCII, wants 1 to 256 printable ASCII characters/);
  });

  describe.each(CLIENTS)('$file', ({ file, bugs = {} }) => {
    let client: ThirdPartyClient;
    let user: string;
    let stream: ThirdPartyStream | undefined;
    let proxy: CuttingProxy | undefined;
    let users = 0;

    beforeAll(() => {
      client = ThirdPartyClient.start(file);
    });
    beforeEach(() => {
      users += 1;
      user = `${file} ${users}`;
    });
    afterEach(async () => {
      if (stream) client.close(stream);
      proxy?.stop();
      proxy = undefined;
      // Not every client can be told to close.
      await until('nobody to be left', () =>
        server.evaluate(({ sse }) => sse.getActiveClients().filter((id) => !sse.disconnectClient(id)).length === 0),
      );
    });
    afterAll(() => client.stop());

    /** Opens a stream of the test's user, and waits until it is open. */
    async function open(names: string[], port = server.port): Promise<ThirdPartyStream> {
      stream = client.open(`http://127.0.0.1:${port}/sse?userId=${encodeURIComponent(user)}`, names);
      await stream.upTo('ssekit:ready');
      await until('the transport', () =>
        server.evaluate(({ sse }, transport) => sse.stats().transports[transport] === 1, transport),
      );
      return stream;
    }

    test('has every event in order, with its name, data and id', async () => {
      const text = ' größe  日本語\u2028😀👩‍👧\u0085\ufeff\0\x7f\r\n "\\" data: x\n\n ';
      const events = [
        '',
        'message',
        'größe 日本語 😀',
        '  two spaces before',
        'two behind  ',
        'a: b',
        '__proto__',
        'n',
      ].map((event, n) => ({ event, data: [n, text, { [text]: null }], ...(n % 2 && { id: `own: ${n}, "~"` }) }));
      const stream = await open([...events.flatMap(({ event }) => event || []), 'last']);
      const ids = await server.evaluate(
        ({ sse }, user, events) =>
          [...events, { event: 'last', data: [] }].map((event) => {
            sse.sendToUser(user, event);
            const { epoch, position } = sse.stats();
            return 'id' in event ? event.id : `${epoch}.${position}`;
          }),
        user,
        events,
      );
      const [ready, ...rest] = await stream.upTo('last');
      expect(JSON.parse(`${ready?.data}`)).toMatchObject({ userId: user, resumed: false });
      expect(rest).toEqual(
        [...events, { event: 'last', data: [] }].map(({ event, data }, n) => ({
          name: event || 'message',
          data: JSON.stringify(data),
          id: ids[n],
        })),
      );
    });

    test('makes no event of a heartbeat', async () => {
      const stream = await open(['before', 'after']);
      const heartbeats = await server.evaluate(({ sse }, user) => {
        sse.sendToUser(user, { event: 'before', data: 1 });
        return sse.stats().heartbeats;
      }, user);
      await stream.upTo('before');
      await until('heartbeats', () =>
        server.evaluate(({ sse }, sent) => sse.stats().heartbeats >= sent + 2, heartbeats),
      );
      await server.evaluate(({ sse }, user) => sse.sendToUser(user, { event: 'after', data: 1 }), user);
      const events = await stream.upTo('after');
      expect(events.map(({ name }) => name)).toEqual(['ssekit:ready', 'before', 'after']);
    });

    test('takes the largest event that may be sent, and gets nothing of a larger one', async () => {
      const stream = await open(['large', 'last']);
      const frame = Buffer.byteLength('event: large\ndata: "é"\nid: large\n\n');
      const send = (length: number): Promise<number> =>
        server.evaluate(
          ({ sse }, user, length) =>
            sse.sendToUser(user, { event: 'large', data: `é${'x'.repeat(length)}`, id: 'large' }),
          user,
          length,
        );
      await expect(send(MIB - frame + 1)).rejects.toMatchObject({ code: 'ERR_SSEKIT_RANGE' });
      expect(await send(MIB - frame)).toBe(1);
      await server.evaluate(({ sse }, user) => sse.sendToUser(user, { event: 'last', data: 1 }), user);
      const [, large, last] = await stream.upTo('last');
      expect(large?.data === `"é${'x'.repeat(MIB - frame)}"`).toBe(true);
      expect(last?.name).toBe('last');
    });

    const known = bugs.losesUnfinished ? `, but for ${Object.values(bugs).join(' and ')}` : '';
    test(`has every event once and in order, wherever its connection is cut${known}`, async () => {
      // Each connection is cut in an event of its own, a byte later than the one before it; first in events with ids of
      // ssekit's and then in events with ids of the caller's. The events after a cut prove that the client resumed there.
      const cut = (event: string, own: boolean): { event: string; data: unknown; id?: string } => ({
        event,
        data: { event, text: ' é 日😀' },
        ...(own && { id: `~ "${event}", own` }),
      });
      const bytes = blockOf(cut('n1000', false), 'q3t8w5y2z9.1000').length + '\r\n'.length;
      const events = Array.from({ length: bytes * 2 }, (_, n) => cut(`n${1_000 + n}`, n >= bytes));
      const cuts: Cut[] = events.map(({ event }, n) => ({ after: `event: ${event}\n`, bytes: n % bytes }));
      proxy = await CuttingProxy.start(server.port, cuts);
      const stream = await open([...events.map(({ event }) => event), 'last'], proxy.port);
      const ids = await server.evaluate(
        ({ sse }, user, events) =>
          [...events, { event: 'last', data: 1 }].map((event) => {
            sse.sendToUser(user, event);
            const { epoch, position } = sse.stats();
            return 'id' in event ? `${event.id}` : `${epoch}.${position}`;
          }),
        user,
        events,
      );
      const received = await stream.upTo('last');
      expect(proxy.pending).toEqual([]);

      const sent = events.map((event, n) => ({ name: event.event, data: JSON.stringify(event.data), id: ids[n] }));
      const isAfterId = (n: number): boolean => {
        const [event, cut, id] = [events[n], cuts[n], ids[n]];
        return event !== undefined && cut?.bytes === blockOf(event, `${id}`).length - '\n'.length;
      };
      const lost = bugs.losesUnfinished ? sent.filter((_, n) => isAfterId(n)) : [];
      if (bugs.losesUnfinished) expect(lost).toHaveLength(2);
      const [ready, others] = partition(received, ({ name }) => name === 'ssekit:ready');
      expect(others.slice(0, -1)).toEqual(sent.filter((event) => !lost.includes(event)));
      expect(others.at(-1)).toEqual({ name: 'last', data: '1', id: ids.at(-1) });

      expect(ready).toHaveLength(cuts.length + 1);
      const mixed = ready.filter(({ data }) => !data.startsWith('{"clientId"'));
      expect(mixed.length > 0).toBe(bugs.mixesUnfinished !== undefined);
      const resumed = ready.map(({ data }) => JSON.parse(`${data.split('\n').at(-1)}`).resumed);
      expect(resumed).toEqual(ready.map((_, n) => n > 0));
    });
  });
});

/** An event as it stands on the wire. */
function blockOf({ event, data }: { event: string; data: unknown }, id: string): Buffer {
  return Buffer.from(`event: ${event}\ndata: ${JSON.stringify(data)}\nid: ${id}\n\n`);
}

function partition(events: ClientEvent[], belongs: (event: ClientEvent) => boolean): [ClientEvent[], ClientEvent[]] {
  return [events.filter(belongs), events.filter((event) => !belongs(event))];
}
