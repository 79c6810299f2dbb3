import { type Case, told } from './case';

export const presence: Case[] = [
  {
    name: 'listeners learn who comes and goes, soon after the fact',
    async run({ SSEService, sse, service }) {
      SSEService.configure({ presenceGraceMs: 0 });
      const news: [string, object][] = [];
      for (const type of ['connect', 'disconnect', 'userOnline', 'userOffline'] as const) {
        service.on(type, (what: object) => news.push([type, what]));
      }
      const client = sse.connect({ userId: 'ada', clientId: 'tab' });
      const atOnce = news.length;
      await told(news, 2);
      sse.connect({ userId: 'ada', clientId: 'tab' });
      await told(news, 4);
      client.disconnect();
      service.disconnectClient('tab');
      await told(news, 6);
      sse.connect({ clientId: 'guest' }).disconnect();
      await told(news, 8);
      // Another thread of the addon tells who is offline, so that may come before or after.
      const of = (...types: string[]): unknown => news.filter(([type]) => types.includes(type));
      return [atOnce, of('connect', 'disconnect'), of('userOnline', 'userOffline')];
    },
  },
  {
    name: 'a listener that was removed learns nothing',
    async run({ sse, service }) {
      const news: string[] = [];
      const removed = (): unknown => news.push('removed');
      service.on('connect', removed).off('connect', removed);
      service.on('connect', () => news.push('kept'));
      sse.connect({ userId: 'ada' });
      return told(news, 1);
    },
    expected: ['kept'],
  },
  {
    name: 'a user is online with a client, and for a moment after',
    run({ sse, service }) {
      const online = (): boolean => service.isOnline('ada');
      const before = online();
      const client = sse.connect({ userId: 'ada' });
      const meanwhile = online();
      client.disconnect();
      return [before, meanwhile, online(), service.getClientsByUser('ada')];
    },
    expected: [false, true, true, []],
  },
  {
    name: 'the clients of a user stand in the order of their connections',
    run({ sse, service }) {
      for (const clientId of ['3', '1', '4', '1', '2']) sse.connect({ userId: 'ada', clientId });
      return [service.getClientsByUser('ada'), service.getClientsByUser('nobody'), service.getActiveClients().sort()];
    },
    expected: [['3', '4', '1', '2'], [], ['1', '2', '3', '4']],
  },
  {
    name: 'the history is read back by audience',
    async run({ sse, service }) {
      sse.connect({ userId: 'ada', clientId: 'tab', channels: ['x'] });
      service.sendToUser('ada', { event: 'n', data: 1 });
      service.sendToChannel('x', { data: { a: 2 }, id: 'own', retry: 7 });
      service.broadcast({ event: 'n', data: 3 });
      service.sendToUser('ada', { event: 'n', data: 4 });
      const [first] = await service.history({ userId: 'ada' });
      return [
        await service.history({ userId: 'ada' }),
        await service.history({ userId: 'ada' }, { limit: 1 }),
        await service.history({ userId: 'ada' }, { after: first?.id ?? '' }),
        await service.history({ channel: 'x' }, { after: 'own' }),
        await service.history({ channel: 'x' }),
        await service.history({ broadcast: true }),
        await service.history({ userId: 'nobody' }),
      ];
    },
  },
  {
    name: 'a hub that has not started answers questions',
    async run({ service }) {
      return [
        service.getActiveClients(),
        service.getClients(),
        service.getChannels(),
        service.isOnline('ada'),
        service.disconnectClient('tab'),
        await service.history({ broadcast: true }),
        await service.ready(),
        await service.flush(),
        service.stats().epoch,
      ];
    },
    expected: [[], [], [], false, false, [], true, '(undefined)', ''],
  },
  {
    name: 'options have the same names, bounds and defaults',
    run() {
      const { hub, ticket } = require('../../dist/server/binding.js').native().describeOptions();
      // The default of the addon depends on the machine.
      const same = hub.filter(({ name }: { name: string }) => name !== 'threads');
      const byName = (one: { name: string }, other: { name: string }): number => (one.name < other.name ? -1 : 1);
      return [same.sort(byName), ticket.map(({ name }: { name: string }) => name).sort()];
    },
  },
  {
    name: 'an error code stands for each kind of error',
    run: () => require('../../dist/server/binding.js').native().errorCodes(),
  },
];
