/** The wrapper around `EventSource` that docs/browser.md has, in Chromium. */
import { type Browser, chromium, type Page } from 'playwright-core';
import ts from 'typescript';
import { browserPath } from './support/browser-path';
import { documentedCode } from './support/documented-code';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { PageServer, stopPageServers } from './support/page-server';
import { until } from './support/until';

const { outputText: WRAPPER } = ts.transpileModule(documentedCode('browser.md', 'lib/listen.ts'), {
  compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
});

const PAGE = `<!doctype html><script type="module">
  ${WRAPPER}
  globalThis.heard = [];
  globalThis.states = [];
  globalThis.refetch = async () => {};
  globalThis.stop = listen('/sse', {
    on: { number: (data) => heard.push(data) },
    refetch: () => globalThis.refetch(),
    onState: (state) => states.push(state),
  });
</script>`;

interface Shown {
  heard: unknown[];
  states: string[];
  refetch(): Promise<void>;
  stop(): void;
}

let browser: Browser;
let server: Evaluator;
let upstream: number;
let site: PageServer;
let page: Page;

beforeAll(async () => {
  [browser, server] = await Promise.all([
    chromium.launch({
      executablePath: browserPath('chromium'),
      chromiumSandbox: process.getuid?.() !== 0,
      ignoreDefaultArgs: ['--disable-back-forward-cache'],
      // A name that no browser takes for the own machine's, as in a local network.
      args: ['--host-resolver-rules=MAP lan.test 127.0.0.1'],
    }),
    Evaluator.start({ retryMs: 10 }),
  ]);
  upstream = await server.evaluate(({ require, state }) => {
    const { createSSERoute } = require('ssekit/next') as typeof import('../ts/next/index');
    return require('./route-server.cjs').serveRoute(createSSERoute({ identify: () => state.user }));
  });
}, 120_000);
beforeEach(async () => {
  await is('ada');
  site = await PageServer.start(upstream, { '/': PAGE, '/elsewhere': 'elsewhere' });
  page = await browser.newPage();
  await page.clock.install();
});
afterEach(async () => {
  await page.close();
  stopPageServers();
  await clientsAre(0);
});
afterAll(async () => {
  await browser?.close();
  await stopEvaluators();
});

/** The user of whoever asks from now on. */
const is = (user: string | null): Promise<void> =>
  server.evaluate(({ state }, user) => {
    state.user = user;
  }, user);

const send = (data: unknown): Promise<unknown> =>
  server.evaluate(({ sse }, data) => sse.sendToUser('ada', { event: 'number', data }), data as number);
const cut = (): Promise<unknown> =>
  server.evaluate(({ sse }) => sse.disconnectClient(sse.getActiveClients()[0] as string));
const clientsAre = (count: number): Promise<unknown> =>
  until(`${count} clients`, () => server.evaluate(({ sse }, count) => sse.stats().clients === count, count));

const open = (host = '127.0.0.1'): Promise<unknown> => page.goto(`http://${host}:${site.port}/`);
const shown = (): Promise<Pick<Shown, 'heard' | 'states'>> =>
  page.evaluate(() => {
    const { heard, states } = globalThis as unknown as Shown;
    return { heard, states };
  });
const heard = (...wanted: unknown[]): Promise<unknown> =>
  until(`${wanted}`, async () => JSON.stringify((await shown()).heard) === JSON.stringify(wanted));
const isIn = (state: string): Promise<unknown> => until(state, async () => (await shown()).states.at(-1) === state);
const asked = (method: string): number => site.requests.filter((made) => made === method).length;

test('a proxy that answers 503 for a while loses nothing', async () => {
  await open();
  await isIn('open');
  await send(1);
  await heard(1);
  site.fault = 503;
  await cut();
  await isIn('waiting');
  await send(2);
  await until('the third attempt', async () => {
    await page.clock.runFor(1_000);
    return asked('HEAD') >= 3;
  });
  site.fault = undefined;
  await until('the stream', async () => {
    await page.clock.runFor(1_000);
    return (await shown()).states.at(-1) === 'open';
  });
  await heard(1, 2);
  await send(3);
  await heard(1, 2, 3);
});

test('a log-out is final', async () => {
  await open();
  await isIn('open');
  await is(null);
  await server.evaluate(({ sse }) => sse.disconnectUser('ada'));
  await isIn('refused');
  const before = site.requests.length;
  await page.clock.runFor(3_600_000);
  // Whatever the page asked for within that hour has come in before this.
  await page.evaluate(() => fetch('/sse', { method: 'HEAD' }));
  expect(site.requests.slice(before)).toEqual(['HEAD']);
});

test('after a reset, the state is fetched from within the new stream, and events wait for it', async () => {
  await open();
  await isIn('open');
  let answer = (): void => {};
  let fetches = 0;
  await page.exposeFunction('fetchState', async () => {
    fetches += 1;
    if (fetches === 1) throw new Error('not now');
    await new Promise<void>((resolve) => {
      answer = resolve;
    });
  });
  await page.evaluate(() => {
    const shown = globalThis as unknown as Shown & { fetchState(): Promise<void> };
    shown.refetch = async () => {
      await shown.fetchState();
      shown.heard.push('state');
    };
  });
  site.forgedId = 'unknown.1';
  await cut();
  await until('the first fetch', () => fetches === 1);
  await clientsAre(1);
  await send(1);
  await until('the second fetch', async () => {
    await page.clock.runFor(1_000);
    return fetches === 2;
  });
  await send(2);
  expect((await shown()).heard).toEqual([]);
  answer();
  await heard('state', 1, 2);
});

test('a page in the back/forward cache is no client, and goes on when it is shown', async () => {
  await open();
  await isIn('open');
  await send(1);
  await heard(1);
  await page.evaluate(() => Object.assign(globalThis, { isKept: true }));
  await page.goto(`http://127.0.0.1:${site.port}/elsewhere`);
  await clientsAre(0);
  await send(2);
  // A page from the cache is not loaded, so there is nothing to wait for.
  await page.goBack({ waitUntil: 'commit' });
  await heard(1, 2);
  expect(await page.evaluate(() => 'isKept' in globalThis)).toBe(true);
  await clientsAre(1);
});

test('a page without TLS, on another machine, has its stream', async () => {
  await open('lan.test');
  await isIn('open');
  expect(await page.evaluate(() => [isSecureContext, 'randomUUID' in crypto])).toEqual([false, false]);
  await send(1);
  await heard(1);
});

test('what it returned ends it', async () => {
  await open();
  await isIn('open');
  await page.evaluate(() => (globalThis as unknown as Shown).stop());
  await clientsAre(0);
  expect(asked('GET')).toBe(1);
});

test('HEAD gets the status of GET, and connects no client', async () => {
  const head = async (): Promise<number> =>
    (await fetch(`http://127.0.0.1:${site.port}/sse`, { method: 'HEAD' })).status;
  const before = await server.evaluate(({ sse }) => sse.stats().connects);
  expect(await head()).toBe(200);
  await is(null);
  expect(await head()).toBe(401);
  site.fault = 503;
  expect(await head()).toBe(503);
  expect(await server.evaluate(({ sse }) => sse.stats().connects)).toBe(before);
});
