/** The part of `ssekit/client` that changes channels: it is loaded when it is needed, and calls wait for it. */
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import type { SSEClient, SSEClientError } from '../ts/client/index';
import { openBrowser } from './support/browser';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { until } from './support/until';

const FOLDER = join(__dirname, '..', 'dist', 'client');

let browser: Browser;
let page: Page;
let server: Evaluator;
let port: number;
/** Names of the files that the page has asked for. */
let loaded: string[];
/** The number of requests for the file loaded later that fail. */
let failures: number;

beforeAll(async () => {
  [browser, server] = await Promise.all([openBrowser(), Evaluator.start()]);
  port = await server.evaluate(({ require }) => {
    const { createSSERoute } = require('ssekit/next') as typeof import('../ts/next/index');
    const identify = () => 'ada';
    return require('./route-server.cjs').serveRoute(createSSERoute({ identify, authorize: () => true }));
  });
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await stopEvaluators();
});
beforeEach(async () => {
  [loaded, failures] = [[], 0];
  page = await browser.newPage();
  // As a server of static files would have them, for a page without a bundler.
  await page.route('**/client/*.mjs', async (route) => {
    const name = new URL(route.request().url()).pathname.split('/').at(-1) as string;
    loaded.push(name);
    if (name !== 'index.mjs' && failures > 0) {
      failures -= 1;
      return route.abort();
    }
    return route.fulfill({ path: join(FOLDER, name), contentType: 'text/javascript' });
  });
  await page.goto(`http://127.0.0.1:${port}/page`);
});
afterEach(() => page.close());

interface Seen {
  heard: unknown[];
  errors: string[];
  client: SSEClient<Record<string, unknown>>;
}

/** Opens a stream in the page, and makes these changes at once. */
async function open(...changes: ['subscribe' | 'unsubscribe', string][]): Promise<void> {
  // A text, because the compiler of these tests knows another import.
  await page.evaluate("import('/client/index.mjs').then((module) => void Object.assign(globalThis, module))");
  await page.evaluate((changes) => {
    const { createClient } = globalThis as unknown as typeof import('../ts/client/index');
    const seen: Seen = {
      heard: [],
      errors: [],
      client: createClient({ url: '/sse', channels: ['first'], share: false }),
    };
    Object.assign(globalThis, { seen });
    seen.client.on('number', (data) => seen.heard.push(data));
    seen.client.onError(({ code, message }: SSEClientError) => seen.errors.push(`${code} ${message}`));
    for (const [change, channel] of changes) seen.client[change](channel);
  }, changes);
}

const look = (): Promise<Pick<Seen, 'heard' | 'errors'>> =>
  page.evaluate(() => {
    const { heard, errors } = (globalThis as unknown as { seen: Seen }).seen;
    return { heard, errors };
  });

const channelsAre = (...wanted: string[]): Promise<unknown> =>
  until(`the channels ${wanted}`, () =>
    server.evaluate(({ sse }, wanted) => {
      const all = sse.getClients().map(({ channels = [] }) => [...channels].sort().join());
      return all.join() === wanted;
    }, wanted.sort().join()),
  );

test('a page that changes no channels does not load it', async () => {
  await open();
  await channelsAre('first');
  await server.evaluate(({ sse }) => sse.sendToChannel('first', { event: 'number', data: 1 }));
  await until('the event', async () => (await look()).heard.length === 1);
  expect(loaded).toEqual(['index.mjs']);
});

test('changes wait until it is there', async () => {
  await open(['subscribe', 'a'], ['unsubscribe', 'first'], ['subscribe', 'b']);
  await channelsAre('a', 'b');
  await server.evaluate(({ sse }) => sse.sendToChannel('b', { event: 'number', data: 2 }));
  await until('the event', async () => (await look()).heard.length === 1);
  expect(loaded).toEqual(['index.mjs', 'subscriptions.mjs']);
  expect((await look()).errors).toEqual([]);
});

test('it is asked for again if it does not come, and that is told once', async () => {
  failures = 2;
  await open(['subscribe', 'a']);
  await channelsAre('a', 'first');
  expect(loaded).toEqual(['index.mjs', ...Array(3).fill('subscriptions.mjs')]);
  expect((await look()).errors).toEqual([expect.stringMatching(/^channel Channels unchanged: .*subscriptions\.mjs/)]);
});
