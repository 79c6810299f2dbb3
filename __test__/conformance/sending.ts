import { type Case, everything, outcome, received } from './case';

export const sending: Case[] = [
  {
    name: 'a send returns how many connected clients it is addressed to',
    run({ service, sse }) {
      for (const clientId of ['laptop', 'phone']) sse.connect({ userId: 'ada', clientId, channels: ['order:1'] });
      sse.connect({ userId: 'grace', clientId: 'tablet' });
      sse.connect();
      return [
        service.sendToUser('ada', { event: 'a', data: 1 }),
        service.sendToUser('nobody', { event: 'a', data: 1 }),
        service.sendToClient('phone', { event: 'a', data: 1 }),
        service.sendToClient('nobody', { event: 'a', data: 1 }),
        service.sendToChannel('order:1', { event: 'a', data: 1 }),
        service.sendToChannel('order:2', { event: 'a', data: 1 }),
        service.broadcast({ event: 'a', data: 1 }),
        service.broadcast({ event: 'a', data: 1 }, 'tablet'),
        service.broadcast({ event: 'a', data: 1 }, 'nobody'),
      ];
    },
    expected: [2, 0, true, false, 2, 0, 4, 3, 4],
  },
  {
    name: 'each client gets what is for it, in the order of the calls',
    run({ service, sse }) {
      const laptop = sse.connect({ userId: 'ada', clientId: 'laptop', channels: ['order:1'] });
      const phone = sse.connect({ userId: 'ada', clientId: 'phone' });
      const guest = sse.connect({ clientId: 'guest' });
      service.sendToUser('ada', { event: 'user', data: 1 });
      service.broadcast({ event: 'all', data: 2 });
      service.sendToClient('phone', { event: 'client', data: 3 });
      service.sendToChannel('order:1', { event: 'channel', data: 4 });
      service.broadcast({ event: 'others', data: 5 }, 'phone');
      return [laptop, phone, guest].map(received);
    },
    expected: [
      ['user 1', 'all 2', 'channel 4', 'others 5'],
      ['user 1', 'all 2', 'client 3'],
      ['all 2', 'others 5'],
    ],
  },
  {
    name: 'an event has its id, and every call takes a position',
    run({ service, sse }) {
      const client = sse.connect({ userId: 'ada' });
      service.sendToUser('nobody', { event: 'a', data: 1 });
      service.sendToClient('unknown', { event: 'a', data: 1 });
      service.sendToUser('ada', { event: 'b', data: 2 });
      service.sendToUser('ada', { event: 'c', data: 3, id: 'own', retry: 5 });
      service.sendToUser('ada', { data: 4 });
      return everything(client);
    },
  },
  {
    name: 'data is what JSON makes of it',
    run({ service, sse }) {
      const client = sse.connect({ userId: 'ada' });
      const values = [
        undefined,
        null,
        new Date(0),
        { a: undefined, b: [undefined, Number.NaN] },
        'a\r\nb',
        new Map([[1, 2]]),
        { toJSON: () => 'x' },
      ];
      for (const data of values) service.sendToUser('ada', { event: 'x', data });
      return [client.received.map(({ data }) => data), sse.sent.map(({ data }) => data)];
    },
    expected: Array(2).fill([null, null, '1970-01-01T00:00:00.000Z', { b: [null, null] }, 'a\r\nb', {}, 'x']),
  },
  {
    name: 'a lagging client gets only the newest event with a coalesceKey',
    run({ service, sse }) {
      const client = sse.connect({ userId: 'ada' });
      client.disconnect();
      for (const percent of [10, 20, 30]) service.sendToUser('ada', { event: 'p', data: percent, coalesceKey: 'k' });
      service.sendToUser('ada', { event: 'p', data: 'other', coalesceKey: 'l' });
      service.broadcast({ event: 'p', data: 'all', coalesceKey: 'k' });
      return [received(client.reconnect()), service.stats().coalesced];
    },
    expected: [['p 30', 'p "other"', 'p "all"'], 2],
  },
  {
    name: 'a call that throws has sent nothing',
    run({ service, sse }) {
      const client = sse.connect({ userId: 'ada' });
      const thrown = outcome(() => service.broadcast({ event: 'ssekit:x', data: 1 }));
      return [thrown, received(client), sse.sent, service.stats().position];
    },
  },
  {
    name: 'statistics count alike',
    run({ service, sse }) {
      sse.connect({ userId: 'ada', clientId: 'tab', channels: ['a'] });
      sse.connect({ userId: 'ada', clientId: 'tab' });
      sse.connect({ userId: 'grace' }).disconnect();
      service.sendToUser('ada', { event: 'x', data: 1 });
      service.sendToClient('nobody', { event: 'x', data: 1 });
      service.broadcast({ event: 'x', data: 1 });
      service.disconnectUser('ada');
      const { clients, users, connects, disconnects, refusals, events, position, away, resets } = service.stats();
      return { clients, users, connects, disconnects, refusals, events, position, away, resets };
    },
  },
  {
    name: 'statistics have the same names',
    run: ({ service }) => shapeOf(service.stats()),
  },
];

function shapeOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return typeof value;
  const sorted = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(sorted.map(([name, inner]) => [name, shapeOf(inner)]));
}
