/** Worker threads share the hub of their process; other processes have their own. */
import type { SSEStats } from '../index';
import { killPrograms, Program } from './support/program';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

afterEach(() => {
  closeClients();
  killPrograms();
});

describe('worker threads', () => {
  test('a terminated worker ends only its own clients', async () => {
    type Result = { told: Record<'connect' | 'disconnect', string[]>; expected: string[]; stats: SSEStats };
    const { told, expected, stats } = await Program.result<Result>('workers-come-and-go.cjs');
    expect(expected).toHaveLength(51);
    expect(told).toEqual({ connect: expected, disconnect: expected });
    expect(stats).toMatchObject({ clients: 0, connects: 51, disconnects: { peer: 51 } });
  });

  test('all threads share the clients', async () => {
    expect(await Program.result('workers-share.cjs')).toEqual({
      seen: { active: ['its'], ofAda: ['its'] },
      count: 1,
      received: expect.stringMatching(/^data: "from main"\n/),
      sent: expect.stringMatching(/^data: "from the worker"\n/),
      disconnected: true,
      over: true,
    });
  });

  test('a hub outlives the worker that started it', async () => {
    const { ofWorkers, ofMain } = await Program.result<{ ofWorkers: SSEStats[]; ofMain: SSEStats }>(
      'workers-first.cjs',
    );
    expect(ofWorkers.map(({ events }) => events)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(new Set([...ofWorkers, ofMain].map(({ epoch }) => epoch)).size).toBe(1);
    expect(ofMain.events).toBe(10);
  });

  test('handed-off streams outlive their worker', async () => {
    const program = new Program('worker-serves.cjs');
    const port = await program.message<number>();
    const clients = await Promise.all([1, 2, 3].map(() => RawClient.stream(port)));
    await until('the handoff', async () => (await program.ask<SSEStats>('stats')).transports.handoff === 3);
    expect(await program.ask('terminate')).toBe('terminated');
    expect(await program.ask('broadcast')).toBe(3);
    for (const client of clients) expect(await client.next(1)).toMatchObject([{ data: '"after all"' }]);
    expect(program.stderr).toBe('');
  });
});

describe('processes', () => {
  test('each worker of a cluster has its own hub', async () => {
    const program = new Program('cluster.cjs');
    const port = await program.message<number>();
    const clients = await Promise.all([1, 2, 3, 4, 5, 6].map(() => RawClient.stream(port)));
    const ids = await Promise.all(clients.map(async (client) => (await client.ready()).clientId));
    const hubs = await program.ask<{ clients: string[]; epoch: string }[]>('look');
    const [first, second] = hubs.map((hub) => hub.clients) as [string[], string[]];
    expect([...first, ...second].sort()).toEqual([...ids].sort());
    expect(first.length).toBeGreaterThan(0);
    expect(second.length).toBeGreaterThan(0);
    expect(new Set(hubs.map(({ epoch }) => epoch)).size).toBe(2);

    await program.ask('broadcast');
    const ofFirst = clients.filter((_, at) => first.includes(ids[at] as string));
    for (const client of ofFirst) expect(await client.next(1)).toMatchObject([{ data: '1' }]);
    program.send('end');
    expect(await program.ends()).toBe(0);
    await until('the end of all streams', () => clients.every((client) => client.ended));
    expect(clients.map((client) => client.events().length)).toEqual(clients.map((c) => (ofFirst.includes(c) ? 2 : 1)));
    expect(program.stderr).toBe('');
  });

  test('a forked child has its own hub and sockets', async () => {
    const program = new Program('forks.cjs');
    const client = await RawClient.stream(await program.message<number>());
    await until('the handoff', async () => (await program.ask<SSEStats>('stats')).transports.handoff === 1);
    type State = { epoch: string; clients: string[]; sockets: string[] };
    const { child, parent, code } = await program.ask<{ child: State; parent: State; code: number }>('fork');
    expect(code).toBe(0);
    expect(child.epoch).not.toBe(parent.epoch);
    expect(child.clients).toEqual([]);
    expect(parent.clients).toHaveLength(1);
    expect(parent.sockets.length).toBeGreaterThan(1);
    expect(child.sockets.filter((socket) => parent.sockets.includes(socket))).toEqual([]);
    expect(await client.next(1)).toMatchObject([{ data: '"in the parent"' }]);
    expect(program.stderr).toBe('');
  });
});
