/** The cluster example on a folder instead of Redis: `npm run demo:cluster -- --file`. */
import { existsSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { closeTabs, openBrowser, Person } from './support/browser';
import { Cluster, stopClusters } from './support/cluster';
import { expectOrders, payment } from './support/example-events';
import { type AppState, BUILD_TIMEOUT_MS, NextApp, removeApps } from './support/next-app';
import { until } from './support/until';

let browser: Browser;
let cluster: Cluster;
let nodes: Record<'A' | 'B', string>;

beforeAll(async () => {
  const [opened, app] = await Promise.all([openBrowser(), NextApp.built()]);
  browser = opened;
  cluster = await Cluster.start(app.folder, '--file');
  nodes = cluster.addresses.nodes;
}, BUILD_TIMEOUT_MS);
afterEach(async () => expect(await closeTabs()).toEqual([]));
afterAll(async () => {
  await browser?.close();
  await stopClusters();
  await removeApps();
});

async function stateOf(node: 'A' | 'B'): Promise<AppState> {
  return (await fetch(`${nodes[node]}/api/demo/state`)).json();
}

async function pay(node: 'A' | 'B', userId: string, amount: number): Promise<void> {
  const body = JSON.stringify({ event: 'payment.completed', userId, amount });
  expect((await fetch(`${nodes[node]}/api/webhooks/payment`, { method: 'POST', body })).ok).toBe(true);
}

test('both servers and the worker are one hub on one folder, without Redis', async () => {
  const { pids, redis, dir } = cluster.addresses;
  expect([Object.keys(pids).sort(), redis]).toEqual([['A', 'B', 'nginx', 'worker'], undefined]);
  const [atA, atB] = await until('each to know the two others', async () => {
    const all = [(await stateOf('A')).stats, (await stateOf('B')).stats] as const;
    return all.every(({ cluster }) => cluster?.link === 'up' && cluster.nodes === 2) && all;
  });
  expect([atA.cluster?.dir, atB.cluster?.dir]).toEqual([dir, dir]);
  expect(atA.epoch).toBe(atB.epoch);
});

test("the worker reports an order's progress at both servers in order", async () => {
  const people = await Promise.all((['A', 'B'] as const).map((node) => Person.logIn(browser, nodes[node], 'ada')));
  const [here, there] = await Promise.all(people.map((person) => person.openTab()));
  await here.click('button-order');
  await here.click('button-order-fail');
  const seen = await Promise.all(
    [here, there].map(async (tab) => {
      await tab.eventsUntil('the end of one', ({ type }) => type === 'order-completed');
      const events = await tab.eventsUntil('the end of the other', ({ type }) => type === 'order-error');
      return events.filter(({ type }) => type.startsWith('order-'));
    }),
  );
  expectOrders(seen[0]);
  // The same events, in the same order, by the same ids.
  expect(seen[1]).toEqual(seen[0]);
});

test('a webhook at one server reaches its user at the other', async () => {
  const grace = await Person.logIn(browser, nodes.B, 'grace');
  const tab = await grace.openTab();
  await pay('A', 'grace', 12.5);
  const events = await tab.eventsUntil('the payment', ({ type }) => type === 'payment-completed');
  expect(events.filter(({ type }) => type === 'payment-completed')).toMatchObject([payment(12.5)]);
});

test('it leaves nothing behind', async () => {
  const { dir } = cluster.addresses;
  expect(existsSync(String(dir))).toBe(true);
  await cluster.end();
  expect(await cluster.ended()).toBe(0);
  expect(existsSync(String(dir))).toBe(false);
});
