/** Under Next.js, too, a socket leaves Node only when it is certain whose stream it carries, and hooks wait for the client. */
import { BUILD_TIMEOUT_MS, NextApp, type NextServer, removeApps } from './support/next-app';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

let server: NextServer;

beforeAll(async () => {
  server = await (await NextApp.built()).serve('start');
}, BUILD_TIMEOUT_MS);

afterEach(async () => {
  closeClients();
  await until('all clients to be gone', async () => (await server.state()).clients.length === 0);
});

afterAll(removeApps);

const open = (query: Record<string, string>): Promise<RawClient> =>
  RawClient.request(server.port, { path: `/api/test/pool?${new URLSearchParams(query)}` });

const pool = async (): Promise<{ waiting: number; seen: string[] }> =>
  (await server.post('/api/test/pool', {})) as { waiting: number; seen: string[] };

async function settled(clients: number): Promise<number> {
  const { stats } = await until(`${clients} clients to settle`, async () => {
    const state = await server.state();
    return state.clients.length === clients && state.stats.transports.opening === 0 && state;
  });
  return stats.transports.handoff;
}

const privates = (client: RawClient): unknown[] =>
  client
    .events()
    .filter(({ event }) => event === 'private')
    .map(({ data }) => JSON.parse(data));

const sendTo = (user: string, data: unknown): Promise<number> =>
  server.call('sendToUser', user, { event: 'private', data });

test('streams connected in other contexts get their own events', async () => {
  const users = ['ada', 'bob', 'cyd', 'dee', 'eve'];
  for (let round = 0; round < 4; round += 1) {
    const clients: [string, RawClient][] = [];
    for (const user of users) {
      clients.push([user, await open({ user, at: 'pooled' })]);
      await until(`${user} to wait`, async () => (await pool()).waiting === clients.length);
    }
    clients.push(['fay', await open({ user: 'fay', at: 'releases' })]);
    for (const [user, client] of clients) expect((await client.ready()).userId).toBe(user);
    await settled(clients.length);
    for (const [user] of clients) await sendTo(user, `for ${user}`);
    await until('all events', () => clients.every(([, client]) => privates(client).length > 0));
    for (const [user, client] of clients) expect(privates(client)).toEqual([`for ${user}`]);
    closeClients();
    await until('all clients to be gone', async () => (await server.state()).clients.length === 0);
  }
});

test('a stream in its own context is handed off, even from a callback', async () => {
  const client = await open({ user: 'ada' });
  await client.ready();
  expect(await settled(1)).toBe(1);
});

test('a transformed body stays in Node', async () => {
  const client = await open({ user: 'ada', mask: 'yes' });
  await client.ready();
  await sendTo('ada', 'a secret');
  await until('the event', () => privates(client).length === 1);
  expect(privates(client)).toEqual(['a masked']);
  expect(await settled(1)).toBe(0);
});

test('`request.signal` and `onClose` wait for a handed-off client', async () => {
  const client = await open({ user: 'watcher', watch: 'yes' });
  await client.ready();
  expect(await settled(1)).toBe(1);
  await sendTo('watcher', 'still here');
  await until('the event', () => privates(client).length === 1);
  expect((await pool()).seen.filter((line) => line.startsWith('watcher'))).toEqual([]);
  client.destroy();
  const seen = await until('both', async () => {
    const lines = (await pool()).seen.filter((line) => line.startsWith('watcher'));
    return lines.length === 2 && lines;
  });
  expect(seen.sort()).toEqual(['watcher aborted', 'watcher closed']);
});
