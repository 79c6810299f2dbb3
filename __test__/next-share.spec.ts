/** The example app as it comes: the tabs of a browser share one connection, and each says so. */
import type { Browser } from 'playwright-core';
import { closeTabs, openBrowser, Person, type Tab } from './support/browser';
import { freePort } from './support/free-port';
import { BUILD_TIMEOUT_MS, NextApp, type NextServer, removeApps } from './support/next-app';
import { OrderTab } from './support/order-tab';
import { startNginx } from './support/proxies';
import { stopProxies } from './support/proxy-process';
import { until } from './support/until';

let browser: Browser;
let app: NextApp;
let server: NextServer;

beforeAll(async () => {
  [browser, app] = await Promise.all([openBrowser({ keepsPages: true }), NextApp.built()]);
  server = await app.serve('start', { keeps: true, port: await freePort() });
}, BUILD_TIMEOUT_MS);
afterEach(async () => {
  expect(await closeTabs()).toEqual([]);
  await clientsAre(0);
});
afterAll(async () => {
  await browser?.close();
  await stopProxies();
  await removeApps();
});

const clientsAre = (count: number): Promise<unknown> =>
  until(`${count} clients`, async () => (await server.state()).clients.length === count);

let amount = 0;
/** Pays, and waits until each of these tabs shows it. */
async function payAndSee(tabs: Tab[]): Promise<void> {
  amount += 1;
  await server.post('/api/webhooks/payment', { event: 'payment.completed', userId: 'ada', amount });
  for (const { page } of tabs) await page.getByText(`Payment of ${amount}.00 completed`).waitFor();
}

/** The payments of this test that a tab shows, the newest first. */
async function paymentsIn({ page }: Tab): Promise<string[]> {
  const texts = await page.getByTestId('inbox-item').locator('p:last-child').allInnerTexts();
  return texts.filter((text) => /^Payment/.test(text));
}

async function openTabs(person: Person, count: number): Promise<Tab[]> {
  const tabs: Tab[] = [];
  while (tabs.length < count) tabs.push(await person.openTab());
  return tabs;
}

const says = async (tabs: Tab[], text: string): Promise<void> => {
  for (const { page } of tabs) await page.getByTestId('carrier').getByText(text).waitFor();
};

test('each tab says how many share the connection, and one can have its own', async () => {
  const ada = await Person.logIn(browser, server.url, 'ada');
  const [first, ...others] = (await openTabs(ada, 3)) as [Tab, ...Tab[]];
  await says([first, ...others], '3 tabs of this browser share one connection, which Node carries.');

  await first.click('change-sharing');
  await says([first], 'This tab has its own connection. Its socket was handed over');
  await says(others, '2 tabs of this browser share one connection');
  expect((await server.state()).stats.transports).toMatchObject({ handoff: 1, stream: 2 });
  await others[0]?.page.close();
  await says(others.slice(1), 'This tab’s connection is ready for more tabs of this browser.');

  await first.click('change-sharing');
  await says([first, ...others.slice(1)], '2 tabs of this browser share one connection');
});

test('an order’s page shares it with the dashboard', async () => {
  const ada = await Person.logIn(browser, server.url, 'ada');
  const [tab] = (await openTabs(ada, 1)) as [Tab];
  const order = await ada.openTab('/orders/1001');
  await says([tab], '2 tabs of this browser share one connection');
  await order.click('show-1002');
  await order.page.getByTestId('watcher-ada').waitFor();
  const watcher = await OrderTab.open(await Person.logIn(browser, server.url, 'grace'), `${server.url}/orders/1002`);
  await watcher.watchersAre({ ada: 1, grace: 1 });
  await watcher.add('Shipped');
  const entry = order.page.locator('[data-testid="entry"][data-text="Shipped"]');
  await entry.waitFor();
  expect(await entry.count()).toBe(1);
});

test(
  'a server that is killed and comes back costs the tabs nothing, and they share again',
  async () => {
    const ada = await Person.logIn(browser, server.url, 'ada');
    const tabs = await openTabs(ada, 3);
    await payAndSee(tabs);
    const before = await paymentsIn(tabs[0] as Tab);
    const { port } = server;
    await server.stop();
    for (const tab of tabs) await tab.isIn('reconnecting');
    server = await app.serve('start', { keeps: true, port });
    await payAndSee(tabs);
    for (const tab of tabs) {
      expect(await paymentsIn(tab)).toEqual([`Payment of ${amount}.00 completed`, ...before]);
      expect(await tab.page.getByTestId('reset-notice').count()).toBe(0);
    }
    await says(tabs, '3 tabs of this browser share one connection');
  },
  BUILD_TIMEOUT_MS,
);

test(
  'behind a proxy that answers 502 for a while, all tabs are live again by themselves',
  async () => {
    const proxy = await startNginx(server.port, { '': 'proxy_set_header Host $http_host;' });
    const ada = await Person.logIn(browser, `http://127.0.0.1:${proxy.port}`, 'ada');
    const tabs = await openTabs(ada, 3);
    await payAndSee(tabs);
    const before = await paymentsIn(tabs[0] as Tab);
    const { port } = server;
    await server.stop();
    for (const { page } of tabs) await page.getByText(/\/api\/sse answered 502\. The next attempt/).waitFor();
    server = await app.serve('start', { keeps: true, port });
    await payAndSee(tabs);
    for (const tab of tabs) expect(await paymentsIn(tab)).toEqual([`Payment of ${amount}.00 completed`, ...before]);
    await says(tabs, '3 tabs of this browser share one connection');
  },
  BUILD_TIMEOUT_MS,
);

test('a log-out in one of several tabs ends the streams of all', async () => {
  const linus = await Person.logIn(browser, server.url, 'linus');
  const [tab, ...others] = (await openTabs(linus, 3)) as [Tab, ...Tab[]];
  const grace = await (await Person.logIn(browser, server.url, 'grace')).openTab();
  await tab.click('logout');
  await tab.page.getByTestId('login-linus').waitFor();
  for (const other of others) {
    await other.isIn('closed');
    expect(await other.page.getByTestId('connection-state').innerText()).toBe('Logged out');
  }
  await clientsAre(1);
  expect(await grace.page.getByTestId('connection-state').innerText()).toBe('Live');
});
