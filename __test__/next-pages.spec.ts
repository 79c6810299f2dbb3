/** The example app in a browser that keeps pages, behind a proxy, and with log-ins that change under a page. */
import type { Browser, Page } from 'playwright-core';
import { closeTabs, openBrowser, Person, type Tab } from './support/browser';
import { freePort } from './support/free-port';
import { BUILD_TIMEOUT_MS, NextApp, type NextServer, removeApps } from './support/next-app';
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
const pay = (amount: number): Promise<unknown> =>
  server.post('/api/webhooks/payment', { event: 'payment.completed', userId: 'ada', amount });
const isShown = ({ page }: Pick<Tab, 'page'>, amount: number): Promise<void> =>
  page.getByText(`Payment of ${amount}.00 completed`).waitFor();
const isLive = (page: Page): Promise<void> =>
  page.locator('[data-testid="connection-state"][data-state="live"]').waitFor();

test('ten full loads in one tab are one client, and no load waits for another', async () => {
  const ada = await Person.logIn(browser, server.url, 'ada');
  const { page } = await ada.openTab();
  for (let loads = 1; loads <= 10; loads += 1) {
    // Six connections would be taken by the seventh load, if pages in the cache kept theirs.
    await page.goto(`${server.url}${loads % 2 ? '/orders/1001' : '/'}`, { waitUntil: 'load' });
    await isLive(page);
    await clientsAre(1);
  }
});

test('a page goes on after the back button', async () => {
  const ada = await Person.logIn(browser, server.url, 'ada');
  const tab = await ada.openTab();
  await tab.page.goto(`${server.url}/orders/1001`);
  await isLive(tab.page);
  await pay(11);
  await tab.page.goBack({ waitUntil: 'commit' });
  await isShown(tab, 11);
  await tab.isIn('live');
  await clientsAre(1);
});

test(
  'behind a proxy that answers 502, a page is live again by itself, with all that it had and missed',
  async () => {
    const proxy = await startNginx(server.port, { '': 'proxy_set_header Host $http_host;' });
    const ada = await Person.logIn(browser, `http://127.0.0.1:${proxy.port}`, 'ada');
    const tab = await ada.openTab();
    await pay(21);
    await isShown(tab, 21);
    const refused: string[] = [];
    tab.page.on('response', (response) => {
      if (response.status() === 502) refused.push(new URL(response.url()).pathname);
    });

    const { port } = server;
    await server.stop();
    await until('three refusals of the stream', () => refused.filter((path) => path === '/api/sse').length >= 3);
    await tab.isIn('reconnecting');
    expect(await tab.page.getByTestId('connection-detail').innerText()).toMatch(/\/api\/sse answered 502\. The next/);
    server = await app.serve('start', { keeps: true, port });
    await pay(22);
    await tab.isIn('live');
    await isShown(tab, 22);
    await pay(23);
    await isShown(tab, 23);
    const texts = await tab.page.getByTestId('inbox-item').locator('p:last-child').allInnerTexts();
    expect(texts.slice(0, 3)).toEqual([23, 22, 21].map((amount) => `Payment of ${amount}.00 completed`));
    expect(await tab.page.getByTestId('reset-notice').count()).toBe(0);
  },
  BUILD_TIMEOUT_MS,
);

test('a log-out in one tab ends the stream in the other, for a page in the cache as well', async () => {
  const ada = await Person.logIn(browser, server.url, 'ada');
  const [tab, other] = [await ada.openTab(), await ada.openTab('/orders/1001')];
  await tab.click('logout');
  await tab.page.getByTestId('login-ada').waitFor();
  await other.page.bringToFront();
  await other.page.getByText('You are logged out, and the stream has ended.').waitFor();
  await clientsAre(0);
  await tab.page.goBack({ waitUntil: 'commit' });
  await until('the page to be nobody’s', async () => {
    const { page } = tab;
    return (await page.getByText('Logged out').count()) + (await page.getByTestId('login-ada').count()) > 0;
  });
  await clientsAre(0);
});

test("after another user's log-in in the same browser, a page becomes that user's", async () => {
  const ada = await Person.logIn(browser, server.url, 'ada');
  const [tab, other] = [await ada.openTab(), await ada.openTab()];
  await other.click('logout');
  await tab.isIn('closed');
  await other.page.getByTestId('login-grace').click();
  await other.isIn('live');
  await tab.page.bringToFront();
  await tab.page.getByRole('link', { name: 'Log in again' }).click();
  await tab.page.getByRole('heading', { name: 'Live events of Grace' }).waitFor({ state: 'attached' });
});

test("a stream that comes back as another user's reloads its page", async () => {
  const ada = await Person.logIn(browser, server.url, 'ada');
  const [tab, other] = [await ada.openTab(), await ada.newPage()];
  const form = { user: 'grace' };
  expect((await other.context().request.post(`${server.url}/api/login`, { form })).ok()).toBe(true);
  await server.call('disconnectUser', 'ada');
  await tab.page.getByRole('heading', { name: 'Live events of Grace' }).waitFor({ state: 'attached' });
  await tab.isIn('live');
  expect((await server.state()).users).toMatchObject({ ada: [], grace: [expect.any(String)] });
});

test('a list of events that stands still shows them later', async () => {
  const ada = await Person.logIn(browser, server.url, 'ada');
  const tab = await ada.openTab();
  const before = await tab.eventsUntil('presence', ({ type }) => type === 'presence');
  await tab.page.getByTestId('event-list-pause').focus();
  await tab.page.keyboard.press('Enter');
  await pay(31);
  await isShown(tab, 31);
  const button = tab.page.getByTestId('event-list-pause');
  expect(await button.innerText()).toMatch(/^Resume \(\d+ new\)$/);
  expect((await tab.events()).filter(({ type }) => type === 'payment-completed')).toEqual([]);
  await tab.page.keyboard.press('Enter');
  const after = await tab.eventsUntil('the payment', ({ data }) => data.amount === 31);
  expect(after.slice(0, before.length)).toEqual(before);
  expect(await button.innerText()).toBe('Pause');
});
