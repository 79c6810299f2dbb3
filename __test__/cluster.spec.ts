/** The cluster example: two servers behind nginx, and a worker that does what they leave to it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster, stopClusters } from './support/cluster';
import { BUILD_TIMEOUT_MS, NextApp, removeApps } from './support/next-app';
import { closeClients, RawClient } from './support/raw-client';
import { command } from './support/resp';
import { until } from './support/until';

const EXAMPLES = join(__dirname, '..', 'examples');

let app: NextApp;
let cluster: Cluster;

beforeAll(async () => {
  app = await NextApp.built();
  cluster = await Cluster.start(app.folder);
}, BUILD_TIMEOUT_MS);
afterEach(closeClients);
afterAll(async () => {
  await stopClusters();
  await removeApps();
});

const portOf = (url: string): number => Number(new URL(url).port);

/** A user's cookie, got at one of the addresses, and good at all of them. */
async function logIn(url: string, userId: string): Promise<string> {
  const body = new URLSearchParams({ user: userId });
  const { headers } = await fetch(`${url}/api/login`, { method: 'POST', body, redirect: 'manual' });
  return headers.getSetCookie().find((cookie) => cookie.startsWith('demo_user=')) as string;
}

const openStream = (url: string, cookie: string): Promise<RawClient> =>
  RawClient.stream(portOf(url), { path: '/api/sse', headers: { cookie } });

const nodeOf = (client: RawClient): Promise<string> =>
  until('the name of its server', () => {
    const event = client.events().find(({ event }) => event === 'node');
    return event && JSON.parse(event.data).name;
  });

test('one address leads to two servers with one log-in', async () => {
  const { url, nodes } = cluster.addresses;
  const cookie = await logIn(url, 'ada');
  expect(await nodeOf(await openStream(nodes.A, cookie))).toBe('A');
  expect(await nodeOf(await openStream(nodes.B, cookie))).toBe('B');
  const seen = new Set<string>();
  for (let tries = 0; seen.size < 2 && tries < 20; tries++) seen.add(await nodeOf(await openStream(url, cookie)));
  expect([...seen].sort()).toEqual(['A', 'B']);
});

test('the worker processes an order from a server', async () => {
  const { url, redis } = cluster.addresses;
  const cookie = await logIn(url, 'ada');
  const answer = await fetch(`${url}/api/demo/orders`, { method: 'POST', headers: { cookie }, body: '{}' });
  expect(answer.status).toBe(202);
  const { orderId } = await answer.json();
  // BullMQ writes down what becomes of each job.
  const entries = await until('the job to be done', async () => {
    const entries = JSON.stringify(await command({ port: portOf(redis) }, 'XRANGE', 'bull:orders:events', '-', '+'));
    return entries.includes('"completed"') && entries;
  });
  expect(entries).toContain('"active"');
  expect(entries).not.toContain('"failed"');
  expect(orderId).toMatch(/^order-/);
});

test('both halves use the same release of BullMQ', () => {
  const [web, worker] = ['next-app', 'cluster'].map((name) => {
    const { dependencies } = JSON.parse(readFileSync(join(EXAMPLES, name, 'package.json'), 'utf8'));
    return [dependencies.bullmq, dependencies.ioredis];
  });
  expect(worker).toEqual(web);
});

test('nginx is configured as the documentation shows', () => {
  const page = readFileSync(join(EXAMPLES, '..', 'docs', 'cluster.md'), 'utf8');
  const [, shown] = /```nginx\n(.*?)```/s.exec(page) ?? [];
  expect(readFileSync(join(EXAMPLES, 'cluster', 'nginx.conf'), 'utf8')).toBe(shown);
});

describe('the cluster ends as a whole', () => {
  const isAlive = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };

  test.each<[how: string, end: (cluster: Cluster) => void, code: number]>([
    ['by Ctrl-C', (cluster) => cluster.signal('SIGINT'), 0],
    ['with whoever started it', (cluster) => cluster.abandon(), 0],
    ['when one of them dies', (cluster) => process.kill(cluster.addresses.pids.worker as number, 'SIGKILL'), 1],
  ])('%s', async (_, end, code) => {
    const other = await Cluster.start(app.folder);
    const pids = Object.values(other.addresses.pids);
    expect(pids).toHaveLength(5);
    expect(pids.every(isAlive)).toBe(true);
    end(other);
    expect(await other.ended()).toBe(code);
    expect(pids.filter(isAlive)).toEqual([]);
    if (code !== 0) await until('the reason', () => other.output.includes('worker ended with SIGKILL'));
  });
});
