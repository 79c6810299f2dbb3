import { type Case, everything, outcome, received } from './case';

export const channels: Case[] = [
  {
    name: 'a subscription begins and ends where the page is told',
    run({ sse, service }) {
      const client = sse.connect({ userId: 'ada', clientId: 'tab' });
      const send = (data: number): number => service.sendToChannel('order:1', { event: 'n', data });
      const returned = [
        send(1),
        service.subscribe({ clientId: 'tab' }, 'order:1'),
        service.subscribe({ clientId: 'tab' }, 'order:1'),
        send(2),
        service.unsubscribe({ clientId: 'tab' }, 'order:1'),
        service.unsubscribe({ clientId: 'tab' }, 'order:1'),
        send(3),
        service.subscribe({ clientId: 'nobody' }, 'order:1'),
        service.unsubscribe({ clientId: 'nobody' }, 'order:1'),
      ];
      return [returned, everything(client)];
    },
  },
  {
    name: 'all clients of a user are subscribed at once',
    run({ sse, service }) {
      for (const clientId of ['a', 'b']) sse.connect({ userId: 'ada', clientId });
      service.subscribe({ clientId: 'a' }, 'x');
      return [
        service.subscribe({ userId: 'ada' }, 'x'),
        service.getClientsByChannel('x').sort(),
        service.unsubscribe({ userId: 'ada' }, 'x'),
        service.getClientsByChannel('x'),
        service.getChannels(),
      ];
    },
    expected: [1, ['a', 'b'], 2, [], []],
  },
  {
    name: 'since brings earlier events of the channel, before the notice',
    run({ sse, service }) {
      const client = sse.connect({ userId: 'ada', clientId: 'tab' });
      service.sendToChannel('x', { event: 'n', data: 1 });
      const since = service.cursor();
      service.sendToChannel('x', { event: 'n', data: 2, id: 'own' });
      service.sendToChannel('x', { event: 'n', data: 3 });
      service.subscribe({ clientId: 'tab' }, 'x', { since });
      service.sendToChannel('x', { event: 'n', data: 4 });
      return everything(client);
    },
  },
  {
    name: 'an unknown or old cursor resets that channel alone',
    run({ SSEService, sse, service }) {
      SSEService.configure({ channels: { x: { history: { maxEvents: 1 } } } });
      const client = sse.connect({ userId: 'ada', clientId: 'tab' });
      const since = service.cursor();
      for (const data of [1, 2]) service.sendToChannel('x', { event: 'n', data });
      service.subscribe({ clientId: 'tab' }, 'x', { since });
      service.subscribe({ clientId: 'tab' }, 'y', { since: 'unknown' });
      return everything(client);
    },
  },
  {
    name: 'a client that comes back keeps its channels',
    run({ sse, service }) {
      const client = sse.connect({ userId: 'ada', clientId: 'tab', channels: ['named'] });
      service.subscribe({ clientId: 'tab' }, 'command');
      received(client);
      client.disconnect();
      service.sendToChannel('command', { event: 'n', data: 1 });
      service.sendToChannel('named', { event: 'n', data: 2 });
      client.reconnect();
      return [everything(client), service.getChannels()];
    },
  },
  {
    name: 'a client that was ended comes back without what it was subscribed to',
    run({ sse, service }) {
      const client = sse.connect({ userId: 'ada', clientId: 'tab', channels: ['named'] });
      service.subscribe({ clientId: 'tab' }, 'command');
      received(client);
      service.disconnectUser('ada');
      received(client);
      service.sendToChannel('command', { event: 'n', data: 1 });
      service.sendToChannel('named', { event: 'n', data: 2 });
      client.reconnect();
      return [received(client), client.resets, service.getChannels()];
    },
  },
  {
    name: 'a channel is not a user or client of that name',
    run({ sse, service }) {
      const client = sse.connect({ userId: 'x', clientId: 'y' });
      service.sendToChannel('x', { event: 'n', data: 1 });
      service.sendToChannel('y', { event: 'n', data: 1 });
      return received(client);
    },
    expected: [],
  },
  {
    name: 'a channel with presence tells who comes and goes',
    async run({ SSEService, sse, service }) {
      SSEService.configure({ presenceGraceMs: 0, channels: { 'room:*': { presence: true } } });
      const ada = sse.connect({ userId: 'ada', clientId: 'a', channels: ['room:1'], data: { name: 'Ada' } });
      await ada.waitFor({ event: 'ssekit:join', data: { userId: 'ada' } });
      sse.connect({ clientId: 'guest', channels: ['room:1'] });
      await ada.waitFor({ event: 'ssekit:join', data: { userId: null } });
      service.unsubscribe({ clientId: 'guest' }, 'room:1');
      await ada.waitFor({ event: 'ssekit:leave', data: { userId: null } });
      const bob = sse.connect({ userId: 'bob', channels: ['room:1', 'quiet'] });
      await ada.waitFor({ event: 'ssekit:join', data: { userId: 'bob' } });
      bob.disconnect();
      await ada.waitFor({ event: 'ssekit:leave', data: { userId: 'bob' } });
      return ada.notices.map(({ event, data }) => [event, data]);
    },
  },
  {
    name: 'the longest name of a channel option counts',
    run({ SSEService, service }) {
      SSEService.configure({
        history: { maxEvents: 3 },
        channels: { '*': { history: { maxEvents: 2 } }, 'a*': { history: { maxEvents: 1 } }, ab: {} },
      });
      const kept = ['x', 'a', 'ab'].map(async (channel) => {
        for (const data of [1, 2, 3, 4]) service.sendToChannel(channel, { event: 'n', data });
        return (await service.history({ channel })).length;
      });
      return Promise.all(kept);
    },
    expected: [2, 1, 3],
  },
  {
    name: 'the details of clients',
    run({ sse, service }) {
      sse.connect({ userId: 'ada', clientId: 'a', channels: ['x', 'y'], data: { name: 'Ada' } });
      sse.connect({ clientId: 'g', channels: ['x'] });
      const details = (filter?: object): unknown =>
        service
          .getClients(filter)
          .map(({ connectedAt, transport: _, ...rest }) => ({ ...rest, at: connectedAt instanceof Date }))
          .sort((one, other) => (one.id < other.id ? -1 : 1));
      return [
        details(),
        details({ userId: 'ada' }),
        details({ channel: 'y' }),
        details({ userId: 'ada', channel: 'z' }),
      ];
    },
  },
  {
    name: 'a page changes its channels by the route',
    async run({ SSEService, sse }) {
      SSEService.configure({ limits: { channelsPerClient: 2 } });
      const client = sse.connect({ userId: 'ada', clientId: 'tab' });
      const { createSSERoute } = require('../../dist/next');
      const { POST } = createSSERoute({ identify: () => ({ userId: 'ada' }), authorize: () => true });
      const post = async (body: object): Promise<unknown> => {
        const headers = { 'content-type': 'application/json' };
        const request = new Request('http://localhost/api/sse', {
          method: 'POST',
          headers,
          body: JSON.stringify(body),
        });
        const response: Response = await POST(request);
        return [response.status, await response.text()];
      };
      return [
        await post({ clientId: 'tab', subscribe: ['x', 'y'] }),
        await post({ clientId: 'tab', subscribe: ['z'] }),
        await post({ clientId: 'tab', unsubscribe: ['x'], subscribe: ['z'] }),
        await post({ clientId: 'other', subscribe: ['x'] }),
        client.notices,
      ];
    },
  },
  {
    name: 'one more channel than a client may have',
    run({ SSEService, sse, service }) {
      SSEService.configure({ limits: { channelsPerClient: 1 } });
      for (const clientId of ['a', 'b']) sse.connect({ userId: 'ada', clientId });
      service.subscribe({ clientId: 'a' }, 'x');
      return [outcome(() => service.subscribe({ userId: 'ada' }, 'y')), service.getChannels()];
    },
  },
];
