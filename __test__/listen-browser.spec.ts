/** A real browser at the listener: many streams on one HTTP/2 connection, other origins, and tickets that expire. */
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import type { ListenOptions } from '../index';
import { openBrowser } from './support/browser';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { until } from './support/until';

const SECRET = 'a secret that only these tests know of';

let browser: Browser;
let server: Evaluator;
let page: Page;

beforeAll(async () => {
  [browser, server] = await Promise.all([openBrowser(), Evaluator.start({ heartbeatMs: 3_600_000, retryMs: 10 })]);
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await stopEvaluators();
});
beforeEach(async () => {
  page = await browser.newPage({ ignoreHTTPSErrors: true });
});
afterEach(async () => {
  await page.close();
  await until('nobody to be left', () => server.evaluate(({ sse }) => sse.stats().clients === 0));
});

const listen = async (options: ListenOptions, tls = false): Promise<number> =>
  (await server.evaluate(
    async ({ sse, require }, options, certificate) => {
      const tls = certificate && require(certificate).certificate();
      return (await sse.listen({ ...options, ...(tls && { tls }) })).port;
    },
    options,
    tls ? join(__dirname, 'support', 'certificate.cjs') : undefined,
  )) as number;

const broadcast = (data: unknown): Promise<number> =>
  server.evaluate(({ sse }, data) => sse.broadcast({ event: 'news', data }), data);

test('twenty streams of one origin share one HTTP/2 connection', async () => {
  const port = await listen({ anonymous: true }, true);
  await page.goto(`https://127.0.0.1:${port}/healthz`);
  await page.evaluate(() => {
    const state = Object.assign(globalThis, { heard: [] as string[], begun: 0 });
    for (let n = 0; n < 20; n += 1) {
      const events = new EventSource('/events');
      events.addEventListener('ssekit:ready', () => (state.begun += 1));
      events.addEventListener('news', (event) => state.heard.push(`${n} ${event.data}`));
    }
  });
  // Over HTTP/1.1 a browser would open six of them, and the others would wait for ever.
  await page.waitForFunction(() => (globalThis as unknown as { begun: number }).begun === 20);
  expect(await broadcast('x')).toBe(20);
  await page.waitForFunction(() => (globalThis as unknown as { heard: string[] }).heard.length === 20);
  const protocols = await page.evaluate(() =>
    (performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]).map((entry) => entry.nextHopProtocol),
  );
  expect(protocols).toEqual(['h2']);
});

test('only a page of a listed origin reads the stream', async () => {
  const app = await listen({ anonymous: true, path: '/app' });
  const other = await listen({ anonymous: true, path: '/other' });
  const port = await listen({
    tickets: { secret: SECRET },
    cors: { origins: [`http://127.0.0.1:${app}`], credentials: true },
  });
  const value = await server.evaluate(
    ({ sse }, secret) => sse.issueTicket({ userId: 'ada', secret: secret as string }),
    SECRET,
  );
  await page.context().addCookies([{ name: 'ssekit_ticket', value, domain: '127.0.0.1', path: '/' }]);
  const openFrom = async (origin: number): Promise<string> => {
    await page.goto(`http://127.0.0.1:${origin}/healthz`);
    return page.evaluate(
      (port) =>
        new Promise<string>((resolve) => {
          const events = new EventSource(`http://127.0.0.1:${port}/events`, { withCredentials: true });
          events.addEventListener('ssekit:ready', (event) => resolve(JSON.parse(event.data).userId));
          events.onerror = () => resolve('refused');
        }),
      port,
    );
  };
  expect(await openFrom(app)).toBe('ada');
  expect(await openFrom(other)).toBe('refused');
});

test('a page with an expired ticket resumes with a fresh one', async () => {
  const port = await listen({ tickets: { secret: SECRET, leewaySeconds: 0 } });
  const ticket = (ttl: number): Promise<string> =>
    server.evaluate(({ sse }, ttl, secret) => sse.issueTicket({ userId: 'ada', ttl, secret }), ttl, SECRET);
  await page.exposeFunction('freshTicket', () => ticket(3_600));
  await page.goto(`http://127.0.0.1:${port}/healthz`);
  await page.evaluate(
    (first) => {
      const state = Object.assign(globalThis, { heard: [] as string[], opened: 0 });
      let last = '';
      const open = (ticket: string): void => {
        const events = new EventSource(`/events?ticket=${ticket}&lastEventId=${last}`);
        events.addEventListener('ssekit:ready', (event) => {
          state.opened += 1;
          last = event.lastEventId;
        });
        events.addEventListener('news', (event) => {
          last = event.lastEventId;
          state.heard.push(event.data);
        });
        // The browser gives up for good when it is answered with 401.
        events.onerror = async () => {
          if (events.readyState !== EventSource.CLOSED) return;
          open(await (globalThis as unknown as { freshTicket(): Promise<string> }).freshTicket());
        };
      };
      open(first);
    },
    await ticket(2),
  );
  await page.waitForFunction(() => (globalThis as unknown as { opened: number }).opened === 1);
  const send = (data: number): Promise<number> =>
    server.evaluate(({ sse }, data) => sse.sendToUser('ada', { event: 'news', data }), data);
  await send(1);
  await until('the ticket to expire', () => server.evaluate(({ sse }) => sse.stats().disconnects.expired === 1));
  await send(2);
  await page.waitForFunction(() => (globalThis as unknown as { opened: number }).opened === 2);
  await send(3);
  await page.waitForFunction(() => (globalThis as unknown as { heard: string[] }).heard.length === 3);
  expect(await page.evaluate(() => (globalThis as unknown as { heard: string[] }).heard)).toEqual(['1', '2', '3']);
});
