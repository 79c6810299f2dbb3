/** `output: 'standalone'` as docs/docker.md puts it into an image: run by another user, with and without a volume. */
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './support/free-port';
import { BUILD_TIMEOUT_MS, NextApp, NextServer, removeApps } from './support/next-app';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

/** The user `nobody`. Only root may become another user; for others, permissions hold as it is. */
const OTHER = 65_534;
const AS_OTHER = `
  if (process.getuid() === 0) {
    process.setgroups([]);
    process.setgid(${OTHER});
    process.setuid(${OTHER});
  }
  require(process.cwd() + '/server.js');`;

let app: NextApp;
let machine: string;
const servers: NextServer[] = [];

beforeAll(async () => {
  app = await NextApp.standalone();
}, BUILD_TIMEOUT_MS);
beforeEach(() => {
  machine = mkdtempSync(join(tmpdir(), 'ssekit-standalone-'));
  chmodSync(machine, 0o755);
});
afterEach(async () => {
  closeClients();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  for (const folder of readdirSync(machine)) chmodSync(join(machine, folder), 0o755);
  rmSync(machine, { recursive: true });
});
afterAll(removeApps);

/** A new container: the two `COPY`s of the Dockerfile, by a user that is not the one who runs it. */
async function run(container: string, env: Record<string, string> = {}): Promise<NextServer> {
  const folder = join(machine, container);
  cpSync(join(app.folder, '.next/standalone'), folder, { recursive: true, verbatimSymlinks: true });
  cpSync(join(app.folder, '.next/static'), join(folder, '.next/static'), { recursive: true });
  chmodSync(folder, 0o555);
  const at = { HOSTNAME: '127.0.0.1', PORT: String(await freePort()), NODE_ENV: 'production' };
  const server = await NextServer.start(['-e', AS_OTHER], folder, { ...at, ...env });
  servers.push(server);
  return server;
}

function volume(): string {
  const folder = join(machine, 'volume');
  mkdirSync(folder);
  if (process.getuid?.() === 0) chownSync(folder, OTHER, OTHER);
  return folder;
}

const pay = (server: NextServer, amount: number): Promise<unknown> =>
  server.post('/api/webhooks/payment', { event: 'payment.completed', userId: 'ada', amount });

const amountsOf = (client: RawClient): number[] =>
  client
    .events()
    .filter(({ event }) => event === 'payment-completed')
    .map(({ data }) => JSON.parse(data).amount);

const open = async (server: NextServer, lastEventId?: string): Promise<RawClient> => {
  const { path, headers } = await server.streamOf('ada');
  return RawClient.stream(server.port, {
    path,
    headers: { ...headers, ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) },
  });
};

const resetsOf = (client: RawClient): unknown[] => client.events().filter(({ event }) => event === 'ssekit:reset');

test('with a volume, a page continues in the next container', async () => {
  const env = { SSEKIT_DATA_DIR: volume() };
  const first = await run('first', env);
  expect(await first.call('ready')).toBe(true);
  const before = await open(first);
  await pay(first, 1);
  await until('the payment', () => amountsOf(before).length === 1);
  const { epoch, cluster } = (await first.state()).stats;
  expect(cluster).toMatchObject({ link: 'up', dir: env.SSEKIT_DATA_DIR });
  await pay(first, 2);
  await until('the second', () => amountsOf(before).length === 2);
  const seen = before.events().find(({ event }) => event === 'payment-completed')?.id;
  await first.stop();

  const second = await run('second', env);
  expect(await second.call('ready')).toBe(true);
  const after = await open(second, seen);
  await until('what it missed', () => amountsOf(after).includes(2));
  expect([amountsOf(after), resetsOf(after)]).toEqual([[2], []]);
  expect((await second.state()).stats.epoch).toBe(epoch);
  expect(second.complaints).toEqual([]);
});

test('with a volume, a page comes back to the next container by its ticket', async () => {
  const env = { SSEKIT_DATA_DIR: volume() };
  const path = '/api/test/resume?clientId=tab-1';
  const [first, second] = [await run('first', env), await run('second', env)];
  await Promise.all([first.call('ready'), second.call('ready')]);
  const accept = 'text/event-stream';
  const before = await RawClient.stream(first.port, { path, headers: { accept, cookie: 'user=ada' } });
  const [, ticket] = /\r\nset-cookie: (ssekit-[^;]+)/i.exec(before.headText) ?? [];
  // The other one has yet to hear of this path.
  await RawClient.stream(second.port, { path: path.replace('1', '2'), headers: { cookie: 'user=bob' } });
  const id = before.events().at(-1)?.id ?? '';
  const after = await RawClient.stream(second.port, {
    path,
    headers: { accept, cookie: `user=ada; ${ticket}`, 'last-event-id': id },
  });
  expect(await after.ready()).toMatchObject({ clientId: 'tab-1', userId: 'ada', resumed: true });
  expect((await second.call('stats')).resumed).toBe(1);
});

test('without a volume, streams work from memory, and one line says why', async () => {
  const server = await run('first');
  const dir = join(machine, 'first', '.data');
  const client = await open(server);
  for (const amount of [1, 2, 3]) await pay(server, amount);
  await until('the payments', () => amountsOf(client).length === 3);
  await until('the folder to be given up', async () => (await server.state()).stats.cluster?.link === 'down');
  expect((await server.state()).stats.cluster).toMatchObject({ dir });
  expect(existsSync(dir)).toBe(false);

  // Within the process, a page continues as always.
  const seen = client.events().find(({ event }) => event === 'payment-completed')?.id;
  const back = await open(server, seen);
  await until('what it missed', () => amountsOf(back).includes(3));
  expect([amountsOf(back), resetsOf(back)]).toEqual([[2, 3], []]);
  const lines = await until(
    'the line',
    () => server.complaints.some((line) => line.includes(dir)) && server.complaints,
  );
  expect(lines.filter((line) => !line.includes('--trace-warnings'))).toEqual([
    expect.stringMatching(/SSEKitWarning: .*\.data: the folder cannot be made: this user has no permission/),
  ]);
});

test('without a volume, an image may keep the history in memory on purpose', async () => {
  const server = await run('first', { SSEKIT_DATA_DIR: '' });
  const client = await open(server);
  await pay(server, 1);
  await until('the payment', () => amountsOf(client).length === 1);
  expect((await server.state()).stats.cluster).toBeNull();
  expect(server.complaints).toEqual([]);
});

test('a volume that the user may not write is like none', async () => {
  const dir = join(machine, 'volume');
  mkdirSync(dir);
  chmodSync(dir, 0o555);
  const server = await run('first', { SSEKIT_DATA_DIR: dir });
  const client = await open(server);
  await pay(server, 1);
  await until('the payment', () => amountsOf(client).length === 1);
  await until('the folder to be given up', async () => (await server.state()).stats.cluster?.link === 'down');
  expect(readdirSync(dir)).toEqual([]);
});
