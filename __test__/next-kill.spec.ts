/** The example on its folder: its server is killed, a worker goes on sending, and no page notices more than a cut. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { closeTabs, openBrowser, Person, type TabEvent } from './support/browser';
import { AppFolder, removeFolders } from './support/cli-app';
import { payment } from './support/example-events';
import { BUILD_TIMEOUT_MS, NextApp, type NextServer, removeApps } from './support/next-app';
import { OrderTab } from './support/order-tab';

let browser: Browser;
let app: NextApp;
let server: NextServer;

beforeAll(async () => {
  [browser, app] = await Promise.all([openBrowser(), NextApp.built()]);
  // Built, and the folder is not there.
  expect(existsSync(join(app.folder, '.data'))).toBe(false);
  server = await app.serve('start', { keeps: true });
}, BUILD_TIMEOUT_MS);
afterEach(async () => expect(await closeTabs()).toEqual([]));
afterAll(async () => {
  await browser?.close();
  await removeApps();
  removeFolders();
});

/** Sends by the example's own script, in its own process. */
async function sendFromWorker(userId: string, amount: number): Promise<void> {
  const { SSEKIT_DATA_DIR: _, ...env } = process.env;
  await promisify(execFile)(process.execPath, ['send.mjs', userId, String(amount)], { cwd: app.folder, env });
}

const pay = (userId: string, amount: number): Promise<unknown> =>
  server.post('/api/webhooks/payment', { event: 'payment.completed', userId, amount });

const hasPayment = (amount: number) => (event: TabEvent) => event.data.amount === amount;

/** Until the server has joined, it has an epoch of its own. */
async function epoch(): Promise<string> {
  expect(await server.call('ready')).toBe(true);
  return (await server.state()).stats.epoch;
}

test('a page continues after kill -9 with what a worker sent meanwhile', async () => {
  const before = await epoch();
  const ada = await Person.logIn(browser, server.url, 'ada');
  const tab = await ada.openTab();
  await pay('ada', 1);
  await tab.eventsUntil('the first payment', hasPayment(1));
  await sendFromWorker('ada', 2);
  await tab.eventsUntil("the worker's payment", hasPayment(2));

  const { port } = server;
  await server.stop();
  await tab.isIn('reconnecting');
  await sendFromWorker('ada', 3);
  await sendFromWorker('grace', 100);
  server = await app.serve('start', { keeps: true, port });
  await tab.eventsUntil('what it missed', hasPayment(3));
  await pay('ada', 4);
  const events = await tab.eventsUntil('the last payment', hasPayment(4));

  expect(await epoch()).toBe(before);
  const own = events.filter(({ type }) => type !== 'presence');
  expect(own).toMatchObject([
    { type: 'ssekit:ready', data: { resumed: false } },
    payment(1),
    payment(2),
    { type: 'ssekit:ready', data: { resumed: true } },
    payment(3),
    payment(4),
  ]);
  for (const { id } of own) expect(id).toMatch(new RegExp(`^${before}\\.\\d+$`));
  expect(await tab.page.getByTestId('reset-notice').count()).toBe(0);
  expect(await tab.page.getByTestId('inbox-item').count()).toBe(4);
});

test('the orders are still there after kill -9', async () => {
  const add = async (text: string): Promise<unknown> =>
    server.post('/api/orders/1001', { text }, (await server.streamOf('grace')).headers);
  const ada = await Person.logIn(browser, server.url, 'ada');
  const tab = await OrderTab.open(ada, `${server.url}/orders/1001`);
  await add('Packed');
  await tab.entriesUntil('Packed');

  const { port } = server;
  await server.stop();
  server = await app.serve('start', { keeps: true, port });
  await tab.isLive();
  await add('Shipped');
  expect(await tab.entriesUntil('Shipped')).toEqual(['Order placed', 'Packed', 'Shipped']);
  expect([tab.count('ssekit:reset'), tab.streamed]).toEqual([0, ['Packed', 'Shipped']]);
  const reloaded = await OrderTab.open(ada, `${server.url}/orders/1001`);
  expect(await reloaded.entries()).toEqual(['Order placed', 'Packed', 'Shipped']);
});

test('the example names its folder as init writes it', async () => {
  const created = new AppFolder();
  await created.init();
  const naming = /\n\/\/ The history .*\nif .*\n/;
  const [line] = naming.exec(created.read('features/sse/index.ts')) ?? [];
  expect(line).toContain("SSEKIT_DATA_DIR ??= '.data'");
  expect(readFileSync(join(app.folder, 'features/sse/index.ts'), 'utf8')).toContain(line);
});
