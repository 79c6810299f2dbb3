/** `ssekit/client` in a Next.js app: rendered with a cursor, bundled by Next.js, at a route of `createSSERoute`. */
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from './support/browser';
import { freePort } from './support/free-port';
import { BUILD_TIMEOUT_MS, NextApp, type NextServer, removeApps } from './support/next-app';
import { until } from './support/until';

let browser: Browser;
let app: NextApp;
let server: NextServer;
let page: Page;

beforeAll(async () => {
  [browser, app] = await Promise.all([openBrowser(), NextApp.built()]);
  server = await app.serve('start', { port: await freePort(), keeps: true });
}, BUILD_TIMEOUT_MS);
beforeEach(async () => {
  page = await browser.newPage();
});
afterEach(() => page.close());
afterAll(async () => {
  await browser?.close();
  await removeApps();
});

const send = (data: string): Promise<unknown> =>
  server.call('sendToUser', 'ada', { event: 'notification', data: { message: data } });

const lines = (): Promise<string[]> => page.locator('li').allTextContents();
const linesAre = (...wanted: string[]): Promise<unknown> =>
  until(`${wanted}`, async () => (await lines()).join() === wanted.join());

test(
  'an event between rendering and connecting is shown once, and a restart loses none',
  async () => {
    let connect = (): void => {};
    const released = new Promise<void>((resolve) => {
      connect = resolve;
    });
    let held = false;
    await page.route(/\/api\/test\/client/, async (route) => {
      held = true;
      await released;
      await route.continue();
    });
    await page.goto(`${server.url}/test/client`);
    await until('the request for the stream', () => held);
    await send('between');
    connect();
    await linesAre('between');
    await page.unroute(/\/api\/test\/client/);

    const { port } = server;
    await server.stop();
    await page.locator('p', { hasText: 'waiting' }).waitFor();
    server = await app.serve('start', { port, keeps: true });
    await send('after');
    await linesAre('between', 'after');
    expect(server.complaints).toEqual([]);
  },
  BUILD_TIMEOUT_MS,
);

test('a channel that the page asks for comes through a chunk of its own', async () => {
  const scripts: string[] = [];
  page.on('request', (request) => {
    if (request.resourceType() === 'script') scripts.push(request.url());
  });
  await page.goto(`${server.url}/test/client`);
  await page.locator('p', { hasText: 'open' }).waitFor();
  const before = scripts.length;
  await page.getByRole('button').click();
  await until('the subscription', async () => (await server.call('getClientsByChannel', 'order:9')).length === 1);
  expect(scripts.length).toBe(before + 1);
  await server.call('sendToChannel', 'order:9', { event: 'notification', data: { message: 'paid' } });
  await linesAre('paid');
});

test('HEAD has the status of GET, and connects no client', async () => {
  const { path, headers } = await server.streamOf('ada');
  const { connects } = (await server.state()).stats;
  expect((await server.request('HEAD', path)).status).toBe(401);
  expect((await server.request('HEAD', path, '', headers)).status).toBe(200);
  expect((await server.state()).stats.connects).toBe(connects);
});

test('the tabs of a browser share one connection, and each stays a client of its own', async () => {
  const context = await browser.newContext();
  try {
    const before = await server.call('stats');
    const tabs = [await context.newPage(), await context.newPage(), await context.newPage()];
    for (const tab of tabs) {
      await tab.goto(`${server.url}/test/client`);
      await tab.locator('p', { hasText: 'open' }).waitFor();
    }
    const { clients, notHandedOff } = await server.call('stats');
    expect(clients - before.clients).toBe(3);
    expect(notHandedOff.shared - before.notHandedOff.shared).toBe(3);
    await tabs[0]?.close();
    await until('its client to leave', async () => (await server.call('stats')).clients === clients - 1);
    await send('shared');
    for (const tab of tabs.slice(1)) await tab.locator('li', { hasText: 'shared' }).waitFor();
  } finally {
    await context.close();
  }
});
