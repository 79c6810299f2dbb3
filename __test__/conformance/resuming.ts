import { type Case, everything, type Kit, outcome, received } from './case';

const send = ({ service }: Kit, ...numbers: number[]): void => {
  for (const n of numbers) service.sendToUser('ada', { event: 'n', data: n });
};

export const resuming: Case[] = [
  {
    name: 'a page resumes after its last event',
    run(kit) {
      const client = kit.sse.connect({ userId: 'ada' });
      send(kit, 1);
      received(client);
      client.disconnect();
      send(kit, 2, 3);
      kit.service.broadcast({ event: 'all', data: 4 });
      client.reconnect();
      send(kit, 5);
      return [received(client), client.resets, everything(client)];
    },
  },
  {
    name: 'a page resumes after an id of the application',
    run({ sse, service }) {
      const client = sse.connect({ userId: 'ada' });
      service.sendToUser('ada', { event: 'n', data: 1, id: 'own-1' });
      received(client);
      client.disconnect();
      service.sendToUser('ada', { event: 'n', data: 2, id: 'own-2' });
      service.broadcast({ event: 'n', data: 3 });
      return everything(client.reconnect());
    },
  },
  {
    name: 'an unknown id brings a reset, then what was sent since',
    run(kit) {
      send(kit, 1);
      const client = kit.sse.connect({ userId: 'ada', lastEventId: 'nobody-knows' });
      send(kit, 2);
      return everything(client);
    },
  },
  {
    name: 'an id of another epoch, or from the future, brings a reset',
    run(kit) {
      send(kit, 1);
      const { epoch } = kit.service.stats();
      const ids = [
        '0123456789.1',
        `${epoch}.2`,
        `${epoch}.1`,
        `${epoch}.01`,
        `${epoch}.x`,
        'ssekit:evicted',
        'ssekit:x',
      ];
      return ids.map((lastEventId) => kit.sse.connect({ userId: 'ada', lastEventId }).resets);
    },
    expected: [['unknown'], ['unknown'], [], ['unknown'], ['unknown'], ['evicted'], ['unknown']],
  },
  {
    name: 'a cut before the reset still owes it',
    run({ sse, service }) {
      const client = sse.connect({ userId: 'ada' });
      client.reset('evicted');
      service.sendToUser('ada', { event: 'n', data: 1 });
      return everything(client);
    },
  },
  {
    name: 'events beyond the bounds of the history bring a reset',
    run(kit) {
      kit.SSEService.configure({ history: { maxEvents: 2 } });
      const client = kit.sse.connect({ userId: 'ada' });
      send(kit, 1);
      received(client);
      client.disconnect();
      send(kit, 2, 3, 4);
      client.reconnect();
      send(kit, 5);
      return everything(client);
    },
  },
  {
    name: 'a client that lags behind the history gets a reset and what comes after',
    run(kit) {
      kit.SSEService.configure({ history: { maxEvents: 2 } });
      const client = kit.sse.connect({ userId: 'ada' });
      send(kit, 1, 2, 3, 4);
      const first = everything(client);
      send(kit, 5);
      return [first, everything(client)];
    },
  },
  {
    name: 'a page with its own id and no last event id learns what it has missed',
    run(kit) {
      const { sse } = kit;
      const open = (): unknown => sse.connect({ userId: 'ada', clientId: 'tab' }).resets;
      const first = sse.connect({ userId: 'ada', clientId: 'tab' });
      received(first);
      first.disconnect();
      const missedNothing = open();
      send(kit, 1);
      return [missedNothing, open(), open()];
    },
  },
  {
    name: 'a client that is away gets what was sent to it alone',
    run({ sse, service }) {
      const client = sse.connect({ userId: 'ada', clientId: 'tab' });
      received(client);
      client.disconnect();
      const returned = service.sendToClient('tab', { event: 'alone', data: 1 });
      return [returned, received(client.reconnect()), client.resets];
    },
    expected: [false, ['alone 1'], []],
  },
  {
    name: 'a page that cannot say who it was learns about an event that was sent to it alone',
    run({ sse, service }) {
      const client = sse.connect({ userId: 'ada' });
      const other = sse.connect({ userId: 'ada' });
      received(client);
      received(other);
      const { clientId } = client;
      client.disconnect();
      service.sendToClient(clientId, { event: 'alone', data: 1 });
      other.disconnect();
      return [received(client.reconnect()), client.resets, other.reconnect().resets];
    },
  },
  {
    name: 'an anonymous client keeps its id by the key of its event ids',
    run({ sse, service }) {
      const client = sse.connect({ clientId: 'guest' });
      service.sendToClient('guest', { event: 'n', data: 1 });
      received(client);
      const stranger = sse.connect({ clientId: 'guest' });
      const before = [client.clientId, stranger.clientId === 'guest'];
      client.reconnect();
      return [before, client.clientId, everything(client), service.getActiveClients().length];
    },
  },
  {
    name: 'a newer connection replaces the older one',
    run({ sse, service }) {
      const older = sse.connect({ userId: 'ada', clientId: 'tab' });
      received(older);
      const newer = sse.connect({ userId: 'ada', clientId: 'tab' });
      const returned = service.sendToClient('tab', { event: 'x', data: 1 });
      return [returned, received(older), older.isConnected, received(newer), service.stats().disconnects.replaced];
    },
    expected: [true, [], false, ['x 1'], 1],
  },
  {
    name: 'since brings what came after the cursor',
    run(kit) {
      send(kit, 1);
      const since = kit.service.cursor();
      send(kit, 2, 3);
      const client = kit.sse.connect({ userId: 'ada', since });
      return [received(client), client.resets, client.notices];
    },
  },
  {
    name: 'an unknown cursor brings a reset',
    run: ({ sse }) => sse.connect({ userId: 'ada', since: 'x' }).resets,
    expected: ['unknown'],
  },
  {
    name: 'what was sent right before a disconnect still arrives',
    run({ sse, service }) {
      const client = sse.connect({ userId: 'ada', clientId: 'tab' });
      service.sendToUser('ada', { event: 'last', data: 1 });
      const ended = service.disconnectClient('tab');
      service.sendToUser('ada', { event: 'late', data: 2 });
      return [ended, service.disconnectClient('tab'), received(client), client.isConnected];
    },
    expected: [true, false, ['last 1'], false],
  },
  {
    name: 'disconnectUser ends all clients of the user',
    run({ sse, service }) {
      for (const clientId of ['a', 'b']) sse.connect({ userId: 'ada', clientId });
      sse.connect({ userId: 'grace', clientId: 'c' });
      return [service.disconnectUser('ada'), service.disconnectUser('ada'), service.getActiveClients()];
    },
    expected: [2, 0, ['c']],
  },
  {
    name: 'the first event tells who the client is',
    run({ SSEService, sse }) {
      SSEService.configure({ heartbeatMs: 1_000, retryMs: 5 });
      const welcome = { name: 'Ada', digits: 1.5 };
      const client = sse.connect({ userId: 42, clientId: 'tab', channels: ['b', 'a', 'b'], welcome, data: { x: 1 } });
      return client.notices;
    },
  },
  {
    name: 'a stream has the same bytes',
    async run({ SSEService, service }) {
      SSEService.configure({ retryMs: 7 });
      const open = (clientId: string, client: object): ReadableStreamDefaultReader<Uint8Array> => {
        const request = new Request(`http://localhost/sse?clientId=${clientId}`);
        const { body } = service.connect(request, { welcome: 'ä', channels: ['c'], ...client });
        return (body as ReadableStream<Uint8Array>).getReader();
      };
      const readers = [open('tab', { userId: 'ada' }), open('guest', { anonymous: true })];
      service.broadcast({ event: 'n', data: 'ö\n', retry: 5, id: 'own' });
      service.broadcast({ data: { a: [1] } });
      service.subscribe({ clientId: 'tab' }, 'd');
      service.disconnectUser('ada');
      service.disconnectClient('guest');
      return Promise.all(
        readers.map(async (reader) => {
          let text = '';
          for (let read = await reader.read(); !read.done; read = await reader.read()) {
            text += new TextDecoder().decode(read.value);
          }
          return text;
        }),
      );
    },
  },
  {
    name: 'a drained hub says when to come back',
    async run({ sse, service }) {
      const client = sse.connect({ userId: 'ada' });
      service.sendToUser('ada', { event: 'last', data: 1 });
      await service.drain({ windowMs: 0, retryMs: 0 });
      const refused = outcome(() => sse.connect({ userId: 'ada' }));
      return [everything(client), client.isConnected, refused, service.stats().disconnects];
    },
  },
];
