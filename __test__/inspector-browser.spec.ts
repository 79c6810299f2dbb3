/**
 * The inspector as a whole: a real hub, its real page in Chromium, from Node and from the listener. Hostile texts reach it by every way that
 * a client or a sender has.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { type Listener, SSEService } from 'ssekit';
import { handleInspector, handleSSE } from 'ssekit/node';
import { freshHub } from 'ssekit/testing';

import { openBrowser } from './support/browser';
import { until } from './support/until';

const sse = SSEService.getInstance();
const TOKEN = 'a token of the inspector'.replaceAll(' ', '-').padEnd(40, '-');
const HOSTILE = '</script><img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>';

let browser: Browser;
let server: Server;
let listener: Listener;
let origin: string;
const asked: string[] = [];

beforeAll(async () => {
  // Other files in this process have options of their own.
  freshHub();
  browser = await openBrowser();
  server = createServer((req, res) => {
    asked.push(`${req.method} ${req.url}`);
    if (req.url?.startsWith('/events')) {
      const { searchParams } = new URL(req.url, 'http://localhost');
      handleSSE(req, res, {
        userId: searchParams.get('user'),
        channels: searchParams.getAll('channel'),
        data: { text: HOSTILE },
      });
    } else {
      void handleInspector(req, res, { authorize: () => ({ data: true, send: true, disconnect: true }) });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  listener = await sse.listen({ anonymous: true, inspector: { token: TOKEN, data: true } });
}, 120_000);

afterAll(async () => {
  await browser?.close();
  server.closeAllConnections();
  server.close();
  await listener.close();
});

/** A tab, and everything in it that should not be. */
async function opened(url: string): Promise<{ page: Page; problems: string[] }> {
  const page = await (await browser.newContext()).newPage();
  const problems: string[] = [];
  page.on('pageerror', ({ message }) => problems.push(message));
  page.on('console', (message) => {
    if (!/^Failed to load resource/.test(message.text())) problems.push(message.text());
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) problems.push(request.url());
  });
  await page.goto(url);
  return { page, problems };
}

const isLive = (page: Page): Promise<void> => page.locator('#status[data-state=live]').waitFor();

const clients = new Set<AbortController>();

afterEach(() => {
  for (const leave of clients) leave.abort();
  clients.clear();
});

/** A client that reads its stream. */
async function client(query: string): Promise<AbortController> {
  const leave = new AbortController();
  clients.add(leave);
  const response = await fetch(`${origin}/events?${query}`, { signal: leave.signal });
  void response.text().catch(() => {});
  return leave;
}

test('shows hostile texts of every kind as text, and runs nothing', async () => {
  const text = encodeURIComponent(HOSTILE);
  const leave = await client(`user=${text}&clientId=${text}&channel=${text}`);
  const { page, problems } = await opened(`${origin}/inspector`);
  await isLive(page);
  const row = page.locator('#clients-body [role=row]').filter({ hasText: 'onerror' });
  await row.first().waitFor();
  sse.sendToUser(HOSTILE, { event: HOSTILE, data: { html: HOSTILE } });
  sse.sendToClient(HOSTILE, { event: 'to-client', data: HOSTILE });
  sse.sendToChannel(HOSTILE, { event: 'to-channel', data: HOSTILE });
  sse.broadcast({ event: 'to-all', data: HOSTILE }, HOSTILE);
  const rows = page.locator('#feed-body [role=row]');
  for (const name of ['to-client', 'to-channel', 'to-all']) await rows.filter({ hasText: name }).first().waitFor();
  await row.first().click();
  await rows.filter({ hasText: 'to-all' }).first().click();
  await page.locator('#filter').fill('<img src=x onerror');
  await rows.filter({ hasText: 'to-channel' }).first().waitFor();
  leave.abort();
  await row.first().waitFor({ state: 'detached' });
  expect(await page.title()).toBe('ssekit inspector');
  expect(await page.locator('img, script[src], iframe').count()).toBe(0);
  expect(await page.locator('script').count()).toBe(1);
  expect(problems).toEqual([]);
  await page.context().close();
}, 60_000);

test('sends a test event and disconnects a client', async () => {
  const leave = await client('user=ada&clientId=tab-of-ada');
  const { page, problems } = await opened(`${origin}/inspector`);
  const row = page.locator('#clients-body [role=row]').filter({ hasText: 'tab-of-ada' });
  await row.first().waitFor();
  expect(await row.first().textContent()).toContain('handed off');
  await page.keyboard.press('s');
  await page.locator('#send-name').fill('ada');
  await page.locator('#send-event').fill('hello');
  await page.locator('#send-data').fill('{ "from": "the inspector" }');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.locator('#send-result').filter({ hasText: '1 client' }).waitFor();
  await page.keyboard.press('Escape');
  await page.locator('#feed-body [role=row]').filter({ hasText: 'hello' }).first().waitFor();
  await row
    .getByRole('button', { name: /disconnect/i })
    .first()
    .click();
  await page
    .locator('dialog[open]')
    .getByRole('button', { name: /disconnect/i })
    .click();
  await until('the client is gone', () => !sse.getActiveClients().includes('tab-of-ada') || undefined);
  expect(problems).toEqual([]);
  leave.abort();
  await page.context().close();
}, 60_000);

test('at the listener, the token of the fragment is in no URL, and a wrong one is asked for again', async () => {
  const base = `http://127.0.0.1:${listener.port}/inspector`;
  const urls: string[] = [];
  const { page, problems } = await opened(`${base}#token=${TOKEN}`);
  page.on('request', (request) => urls.push(request.url()));
  await isLive(page);
  expect(page.url()).toBe(base);
  const filtered = page.waitForRequest((request) => request.postData()?.includes('nobody') ?? false);
  await page.locator('#filter').fill('nobody');
  await filtered;
  // By now, the page is connecting. What happens before the answer, its watch has not seen.
  await isLive(page);
  expect(urls.every((url) => url === base)).toBe(true);
  sse.broadcast({ event: 'nobody', data: 1 });
  await page.locator('#feed-body [role=row]').filter({ hasText: 'nobody' }).first().waitFor();
  expect(problems).toEqual([]);
  await page.context().close();

  const wrong = await opened(`${base}#token=${'x'.repeat(40)}`);
  const field = wrong.page.locator('input[type=password]');
  await field.waitFor();
  await field.fill(TOKEN);
  await wrong.page.keyboard.press('Enter');
  await isLive(wrong.page);
  expect(wrong.page.url()).toBe(base);
  await wrong.page.context().close();
}, 60_000);

test('no URL that a server logs has a filter, an id or a token', () => {
  expect(asked.filter((line) => !line.includes('/events')).every((line) => /^(GET|POST) \/inspector$/.test(line))).toBe(
    true,
  );
});
