import { type Case, failure, type Kit, outcome } from './case';

const long = 'x'.repeat(257);

/** Calls that cannot work, by what is wrong with them. */
const CALLS: Record<string, (kit: Kit) => unknown> = {
  'an empty user id': ({ service }) => service.sendToUser('', { data: 1 }),
  'a long user id': ({ service }) => service.sendToUser(long, { data: 1 }),
  'a user id with 257 bytes': ({ service }) => service.sendToUser(`${'ä'.repeat(128)}x`, { data: 1 }),
  'half of a surrogate pair': ({ service }) => service.sendToUser('\ud800', { data: 1 }),
  'a user id that is an object': ({ service }) => service.sendToUser({} as never, { data: 1 }),
  'an empty client id': ({ service }) => service.sendToClient('', { data: 1 }),
  'an empty client id to exclude': ({ service }) => service.broadcast({ data: 1 }, ''),
  'a channel with a line end': ({ service }) => service.sendToChannel('a\nb', { data: 1 }),
  'a channel with a C1 control character': ({ service }) => service.sendToChannel('a\u0085b', { data: 1 }),
  'an empty channel': ({ service }) => service.sendToChannel('', { data: 1 }),
  'a long channel': ({ service }) => service.sendToChannel(long, { data: 1 }),
  'no event': ({ service }) => service.broadcast(undefined as never),
  'an array for an event': ({ service }) => service.broadcast([] as never),
  'an event without name and data': ({ service }) => service.broadcast({} as never),
  'a name with a line end': ({ service }) => service.broadcast({ event: 'a\nb', data: 1 }),
  'a reserved name': ({ service }) => service.broadcast({ event: 'ssekit:mine', data: 1 }),
  'an empty event id': ({ service }) => service.broadcast({ data: 1, id: '' }),
  'an event id with a space at its end': ({ service }) => service.broadcast({ data: 1, id: 'a ' }),
  'an event id outside of ASCII': ({ service }) => service.broadcast({ data: 1, id: 'ä' }),
  'an event id with a tab': ({ service }) => service.broadcast({ data: 1, id: 'a\tb' }),
  'a long event id': ({ service }) => service.broadcast({ data: 1, id: long }),
  'a reserved event id': ({ service }) => service.broadcast({ data: 1, id: 'ssekit:x' }),
  'an empty coalesceKey': ({ service }) => service.broadcast({ data: 1, coalesceKey: '' }),
  'a long coalesceKey': ({ service }) => service.broadcast({ data: 1, coalesceKey: long }),
  'a negative retry': ({ service }) => service.broadcast({ data: 1, retry: -1 }),
  'data with a bigint': ({ service }) => service.broadcast({ data: 1n }),
  'data that is a function': ({ service }) => service.broadcast({ data: () => {} }),
  'an event beyond the default limit': ({ service }) => service.broadcast({ data: 'x'.repeat(2 << 20) }),
  'an event just beyond the limit': ({ service }) =>
    service.broadcast({ event: 'n', data: 'x'.repeat((1 << 20) - 55) }),
  'an event just below the limit': ({ service }) => service.broadcast({ event: 'n', data: 'x'.repeat((1 << 20) - 56) }),
  'an event with its own id just beyond the limit': ({ service }) =>
    service.broadcast({ id: 'own', data: 'x'.repeat((1 << 20) - 18) }),
  'a target without an id': ({ service }) => service.subscribe({} as never, 'a'),
  'an empty client id of a target': ({ service }) => service.subscribe({ clientId: '' }, 'a'),
  'an empty user id of a target': ({ service }) => service.unsubscribe({ userId: '' }, 'a'),
  'a subscription to a bad channel': ({ service }) => service.subscribe({ clientId: 'a' }, 'a\tb'),
  'a question about a bad channel': ({ service }) => service.getClientsByChannel('a\tb'),
  'clients of an empty user': ({ service }) => service.getClients({ userId: '' }),
  'clients of an empty channel': ({ service }) => service.getClients({ channel: '' }),
  'a client id with a space': ({ sse }) => sse.connect({ clientId: ' a' }),
  'an empty client id of a connection': ({ sse }) => sse.connect({ clientId: '' }),
  'too much data of a client': ({ sse }) => sse.connect({ data: 'x'.repeat(1_023) }),
  'too many channels': ({ sse }) => sse.connect({ channels: Array.from({ length: 129 }, (_, n) => `c${n}`) }),
  'a connection to a bad channel': ({ sse }) => sse.connect({ channels: ['a\nb'] }),
  'a misspelt option of a connection': ({ sse }) => sse.connect({ userID: 1 } as never),
  'an unknown listener': ({ service }) => service.on('nothing' as 'error', () => {}),
};

const OPTIONS: Record<string, unknown> = {
  'no object': 5,
  'an array': [],
  null: null,
  'an unknown option': { unknown: 1 },
  'an unknown option of a group': { history: { maxEvent: 1 } },
  'a group that is a number': { history: 5 },
  'a number out of bounds': { heartbeatMs: 99 },
  'a number that is no integer': { heartbeatMs: 100.5 },
  'a number that is a string': { heartbeatMs: '5' },
  'an infinite number': { heartbeatMs: Number.POSITIVE_INFINITY },
  'a flag that is a number': { drainOnSigterm: 1 },
  'a choice that is none': { transport: 'both' },
  'a long choice': { transport: 'x'.repeat(60) },
  'a very long choice': { transport: 'x'.repeat(5_000) },
  'a choice that is a function': { transport: () => {} },
  'a choice that is a symbol': { transport: Symbol('x') },
  'a choice that is null': { transport: null },
  'an option of a channel': { channels: { a: { presense: true } } },
  'bounds of a channel': { channels: { a: { history: { maxEvents: 0 } } } },
  'a channel without a name': { channels: { '': {} } },
  'a channel with a line end': { channels: { 'a\n*': {} } },
  'channels that are a number': { channels: 5 },
  'a channel that is a number': { channels: { a: 5 } },
  'an event size out of bounds': { maxEventBytes: 1 },
  'a drain': { drain: { windowMs: -1 } },
};

/** Read back later, so these reject. */
const LATER: Record<string, (kit: Kit) => Promise<unknown>> = {
  'a history without an audience': ({ service }) => service.history({} as never),
  'a history of an empty user': ({ service }) => service.history({ userId: '' }),
  'a history after an unknown id': ({ service }) => {
    service.broadcast({ data: 1 });
    return service.history({ broadcast: true }, { after: 'unknown' });
  },
  'a history after an id of another epoch': ({ service }) => {
    service.broadcast({ data: 1 });
    return service.history({ broadcast: true }, { after: '0123456789.1' });
  },
  'a drain with an unknown option': ({ service }) => service.drain({ wait: 1 } as never),
};

export const refusing: Case[] = [
  ...Object.entries(CALLS).map(([what, call]) => ({
    name: `refuses ${what}`,
    changesNothing: true,
    run: (kit: Kit) => outcome(() => call(kit)),
  })),
  ...Object.entries(OPTIONS).map(([what, options]) => ({
    name: `refuses to configure ${what}`,
    changesNothing: true,
    run: ({ SSEService }: Kit) => outcome(() => SSEService.configure(options as never) && 'accepted'),
  })),
  ...Object.entries(LATER).map(([what, call]) => ({
    name: `rejects ${what}`,
    run: async (kit: Kit) => call(kit).then((value) => ({ resolved: value }), failure),
  })),
  {
    name: 'options differ from those before',
    run({ SSEService }) {
      SSEService.configure({ heartbeatMs: 1_000 });
      return [
        outcome(() => SSEService.configure({ heartbeatMs: 1_000 }) && 'the same'),
        outcome(() => SSEService.configure({ heartbeatMs: 2_000 })),
        outcome(() => SSEService.configure({ heartbeatMs: 1_000, channels: { a: { presence: true } } })),
        outcome(() => SSEService.configure({ heartbeatMs: 1_000, limits: { clients: 1 } })),
      ];
    },
  },
  {
    name: 'options come too late for a running hub',
    run({ SSEService, service }) {
      service.broadcast({ data: 1 });
      return outcome(() => SSEService.configure({ retryMs: 1 }));
    },
  },
  {
    name: 'limits refuse one more client, and not one that takes a place',
    run({ SSEService, sse, service }) {
      SSEService.configure({ limits: { clients: 3, clientsPerUser: 2, clientsPerAddress: 1, channelsPerClient: 1 } });
      const connect = (client: object): unknown =>
        outcome(() => {
          sse.connect(client);
          return 'let in';
        });
      return [
        connect({ userId: 'ada', clientId: 'a', address: '192.0.2.1' }),
        connect({ userId: 'ada', clientId: 'a', address: '192.0.2.1' }),
        connect({ userId: 'ada', clientId: 'b', address: '192.0.2.1' }),
        connect({ userId: 'ada', clientId: 'b' }),
        connect({ userId: 'ada', clientId: 'c' }),
        connect({ userId: 'grace' }),
        connect({ userId: 'bob' }),
        connect({ userId: 'ada', clientId: 'a', channels: ['one', 'two'] }),
        outcome(() => service.subscribe({ clientId: 'a' }, 'one')),
        outcome(() => service.subscribe({ clientId: 'a' }, 'two')),
        service.stats().refusals,
      ];
    },
  },
  {
    name: "another user's client id is refused",
    run({ sse, service }) {
      sse.connect({ userId: 'ada', clientId: 'tab' });
      const claim = (): unknown => outcome(() => sse.connect({ userId: 'grace', clientId: 'tab' }).clientId);
      const first = claim();
      service.disconnectUser('ada');
      return [first, claim(), outcome(() => sse.connect({ userId: 'ada', clientId: 'tab' }))];
    },
  },
];
