/** The app of docs/channels.md in Chromium: no payment is missed between rendering and connecting, and none is shown twice. */
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from './support/browser';
import { freePort } from './support/free-port';
import { BUILD_TIMEOUT_MS, NextApp, type NextServer, removeApps } from './support/next-app';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

let browser: Browser;
let app: NextApp;
let server: NextServer;
let page: Page;

beforeAll(async () => {
  [browser, app] = await Promise.all([openBrowser(), NextApp.built()]);
  server = await app.serve('start', { port: await freePort() });
}, BUILD_TIMEOUT_MS);
beforeEach(async () => {
  page = await browser.newPage();
});
afterEach(async () => {
  closeClients();
  await page.close();
  await until('nobody to be there', async () => (await server.state()).clients.length === 0);
});
afterAll(async () => {
  await browser?.close();
  await removeApps();
});

const STREAM = '/api/test/documented/sse';
const pay = (orderId: string, amount: number) => server.post('/api/test/pay', { orderId, amount });
const shown = (): Promise<string[]> => page.locator('li').allTextContents();
const isShown = (amount: number) => page.locator('li', { hasText: new RegExp(`^${amount}$`) }).waitFor();

/** Opens an order's page, and holds its stream's request until the returned function is called. */
async function openWithoutStream(orderId: string): Promise<() => void> {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  let held = 0;
  await page.route(
    (url) => url.pathname === STREAM,
    async (route) => {
      held += 1;
      await opened;
      await route.continue();
    },
  );
  await page.goto(`${server.url}/test/orders/${orderId}`);
  await until('the request for the stream', () => held > 0);
  return open;
}

test('a payment between rendering and connecting is shown once', async () => {
  await pay('1', 10);
  const connect = await openWithoutStream('1');
  expect(await shown()).toEqual(['10']);
  await pay('1', 11);
  await pay('2', 99);
  expect(await shown()).toEqual(['10']);
  connect();
  await isShown(11);
  await pay('1', 12);
  await isShown(12);
  expect(await shown()).toEqual(['10', '11', '12']);
});

test('after a restart in between, the page fetches its payments again', async () => {
  await pay('3', 30);
  const connect = await openWithoutStream('3');
  await pay('3', 31);
  const port = server.port;
  await server.stop();
  server = await app.serve('start', { port });
  connect();
  await isShown(31);
  await pay('3', 32);
  await isShown(32);
  expect(await shown()).toEqual(['30', '31', '32']);
});

test('a page watches another order on its open stream', async () => {
  await pay('4', 40);
  await page.goto(`${server.url}/test/watching?order=4`);
  await page.locator('li', { hasText: 'watching 40' }).waitFor();
  await pay('4', 41);
  await page.locator('li', { hasText: 'payment 41' }).waitFor();
  expect(await shown()).toEqual(['watching 40', 'payment 41']);
});

test.each([
  ['an order that it may not read', 'order=secret'],
  ["somebody else's client", 'order=4&client=of-bob'],
])('a page cannot watch %s', async (_, query) => {
  const bob = await RawClient.stream(server.port, { path: `${STREAM}?user=bob&clientId=of-bob` });
  await page.goto(`${server.url}/test/watching?${query}`);
  await page.locator('li', { hasText: 'refused' }).waitFor();
  expect(await server.call('getChannels')).toEqual([]);
  bob.destroy();
});

test('nobody sees an order that is not theirs', async () => {
  await pay('secret', 13);
  await page.goto(`${server.url}/test/orders/secret`);
  await page.getByText('This page could not be found.').waitFor();
  expect(await page.content()).not.toContain('13</li>');
  for (const part of ['watchers', 'events']) {
    const answer = await fetch(`${server.url}/api/test/documented/orders/secret/${part}`);
    expect([part, answer.status, await answer.text()]).toEqual([part, 403, '']);
  }
});

test('watchers and events of an order can be asked', async () => {
  const ada = await RawClient.stream(server.port, { path: `${STREAM}?channel=order:5` });
  const bob = await RawClient.stream(server.port, { path: `${STREAM}?user=bob` });
  await pay('5', 50);
  await server.call('broadcast', { event: 'end', data: 0 });
  for (const client of [ada, bob]) await until('the end', () => client.events().some(({ event }) => event === 'end'));
  const payments = [ada, bob].map((client) => client.events().filter(({ event }) => event === 'payment').length);
  expect(payments).toEqual([1, 0]);
  const get = async (path: string): Promise<unknown> =>
    JSON.parse((await server.request('GET', `/api/test/documented/orders/5/${path}`)).text);
  expect(await get('watchers')).toEqual([{ data: { name: 'ada' }, connectedAt: expect.stringMatching(/Z$/) }]);
  expect(await get('events')).toEqual([
    { id: expect.anything(), event: 'payment', data: expect.stringContaining('"amount":50') },
  ]);
});
