/** The example's order page in a real browser: rendered by the server, then live without a gap. */
import type { Browser, Route } from 'playwright-core';
import { closeTabs, openBrowser, Person } from './support/browser';
import { BUILD_TIMEOUT_MS, NextApp, type NextServer, removeApps } from './support/next-app';
import { OrderTab } from './support/order-tab';
import { until } from './support/until';

const PLACED = 'Order placed';

let browser: Browser;
let app: NextApp;
let server: NextServer;
let ada: Person;
let grace: Person;

beforeAll(async () => {
  [browser, app] = await Promise.all([openBrowser(), NextApp.built()]);
}, BUILD_TIMEOUT_MS);
// Each test has a new server, because its orders are in the server's memory.
beforeEach(async () => {
  server = await app.serve('start');
  [ada, grace] = await Promise.all(['ada', 'grace'].map((user) => Person.logIn(browser, server.url, user)));
}, BUILD_TIMEOUT_MS);
afterEach(async () => {
  expect(await closeTabs()).toEqual([]);
  expect(server.complaints).toEqual([]);
  await server.stop();
});
afterAll(async () => {
  await browser?.close();
  await removeApps();
});

const urlOf = (orderId: string): string => `${server.url}/orders/${orderId}`;

/** Adds an entry to an order, as somebody who watches nothing. */
async function add(orderId: string, text: string): Promise<void> {
  const { headers } = await server.streamOf('linus');
  await server.post(`/api/orders/${orderId}`, { text }, headers);
}

test('the server renders the list and the watchers', async () => {
  await add('1001', 'Packed');
  const tab = await OrderTab.open(ada, urlOf('1001'));
  await tab.watchersAre({ ada: 1 });
  const { headers } = await server.streamOf('grace');
  const { status, text } = await server.request('GET', '/orders/1001', '', headers);
  expect(status).toBe(200);
  const html = text.replaceAll(/<script.*?<\/script>/gs, '');
  expect([...html.matchAll(/data-text="(.*?)"/g)].map(([, entry]) => entry)).toEqual([PLACED, 'Packed']);
  expect(html).toContain('data-testid="watcher-ada"');
  expect(html).not.toContain('data-testid="watcher-grace"');
  expect(tab.streamed).toEqual([]);
});

test('an entry between render and connect is shown once', async () => {
  await add('1001', 'before');
  const tab = await OrderTab.held(ada, urlOf('1001'));
  expect(await tab.entries()).toEqual([PLACED, 'before']);
  await add('1001', 'in between');
  expect(await tab.entries()).toEqual([PLACED, 'before']);
  await tab.release();
  await add('1001', 'live');
  expect(await tab.entriesUntil('live')).toEqual([PLACED, 'before', 'in between', 'live']);
  expect(tab.streamed).toEqual(['in between', 'live']);
  expect(tab.count('ssekit:reset')).toBe(0);
});

test('a restart between render and connect refetches the list', async () => {
  await add('1001', 'lost with the server');
  const tab = await OrderTab.held(ada, urlOf('1001'));
  const { port } = server;
  await server.stop();
  server = await app.serve('start', { port });
  await add('1001', 'in between');
  await tab.release();
  expect(await tab.entriesUntil('in between')).toEqual([PLACED, 'in between']);
  await add('1001', 'live');
  expect(await tab.entriesUntil('live')).toEqual([PLACED, 'in between', 'live']);
  expect(tab.streamed).toEqual(['live']);
  expect(tab.count('ssekit:reset')).toBe(1);
});

test('a page shows another order with the same stream', async () => {
  const [first, second] = [await OrderTab.open(ada, urlOf('1001')), await OrderTab.open(grace, urlOf('1002'))];
  await add('1002', 'before');
  await second.entriesUntil('before');
  await first.show('1002');
  expect(await first.entriesUntil('before')).toEqual([PLACED, 'before']);
  await second.watchersAre({ ada: 1, grace: 1 });
  await until('the old channel to be left', () => first.count('ssekit:unsubscribed') === 1);

  await add('1001', 'elsewhere');
  await second.add('Shipped');
  for (const tab of [first, second]) {
    expect(await tab.entriesUntil('Shipped')).toEqual([PLACED, 'before', 'Shipped']);
  }
  expect(first.streamed).toEqual(['Shipped']);
  expect(first.opened).toHaveLength(1);
  expect(new URL(first.page.url()).pathname).toBe('/orders/1002');
});

test('an entry between fetch and subscription is shown once', async () => {
  const tab = await OrderTab.open(ada, urlOf('1001'));
  let inBetween: Promise<void> | undefined;
  // The second one leaves the other channel.
  const change = async (route: Route): Promise<void> => {
    inBetween = add('1002', 'in between');
    await inBetween;
    await route.continue();
  };
  await tab.page.route('**/api/sse', change, { times: 1 });
  await tab.show('1002');
  expect(await tab.entriesUntil('in between')).toEqual([PLACED, 'in between']);
  expect(tab.streamed).toEqual(['in between']);
});

test('a reconnected page has only the order it shows', async () => {
  const tab = await OrderTab.open(ada, urlOf('1001'));
  await tab.show('1003');
  await until('the new channel', async () => tab.count('ssekit:subscribed') === 1);
  const [clientId] = (await server.state()).clients;
  await server.call('disconnectClient', clientId as string);
  await add('1003', 'while it was away');
  expect(await tab.entriesUntil('while it was away')).toEqual([PLACED, 'while it was away']);
  await until('only its channel', async () => (await server.call('getChannels')).join() === 'order:1003');
});

test('two users see each other come and go', async () => {
  const mine = await OrderTab.open(ada, urlOf('1001'));
  const theirs = await OrderTab.open(grace, urlOf('1001'));
  const again = await OrderTab.open(grace, urlOf('1001'));
  for (const tab of [mine, theirs, again]) await tab.watchersAre({ ada: 1, grace: 2 });
  expect(await mine.page.getByTestId('watcher-grace').innerText()).toContain('Grace · 2 tabs');

  await theirs.page.close();
  await mine.watchersAre({ ada: 1, grace: 1 });
  await again.show('1002');
  await mine.watchersAre({ ada: 1 });
  await again.watchersAre({ grace: 1 });
});
