/** A hook around `EventSource`, before and after it was moved to `ssekit/react` by docs/migrating.md, in Chromium. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from './support/browser';
import { documentedCode } from './support/documented-code';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { PageServer, stopPageServers } from './support/page-server';
import { until } from './support/until';

const ROOT = join(__dirname, '..');

const FILES = {
  'lib/use-sse.ts': documentedCode('migrating.md', 'before/lib/use-sse.ts'),
  'before.tsx': documentedCode('migrating.md', 'before/components/messages.tsx'),
  'after.tsx': documentedCode('migrating.md', 'components/messages.tsx'),
  'before-main.jsx': `
    import { createRoot } from 'react-dom/client';
    import { Messages } from './before';
    createRoot(document.getElementById('root')).render(<Messages />);`,
  'after-main.jsx': `
    import { createRoot } from 'react-dom/client';
    import { SSEProvider } from 'ssekit/react';
    import { Messages } from './after';
    createRoot(document.getElementById('root')).render(<SSEProvider url="/api/sse"><Messages /></SSEProvider>);`,
};

const folder = mkdtempSync(join(tmpdir(), 'ssekit-migrated-'));
let browser: Browser;
let server: Evaluator;
let site: PageServer;
let page: Page;
/** The answer of `/api/messages`. */
let stored: string[];

beforeAll(async () => {
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  [browser, server] = await Promise.all([openBrowser(), Evaluator.start({ retryMs: 10 })]);
  const upstream = await server.evaluate(({ require }) => {
    const { createSSERoute } = require('ssekit/next') as typeof import('../ts/next/index');
    return require('./route-server.cjs').serveRoute(createSSERoute({ identify: () => 'ada' }));
  });
  site = await PageServer.start(upstream, { '/': '<!doctype html><div id="root"></div>' });
}, 120_000);
beforeEach(async () => {
  stored = [];
  page = await browser.newPage();
  await page.route('**/api/messages', (route) => route.fulfill({ json: stored }));
});
afterEach(async () => {
  await page.close();
  await clientsAre(0);
});
afterAll(async () => {
  await browser?.close();
  stopPageServers();
  await stopEvaluators();
  rmSync(folder, { recursive: true });
});

async function open(which: 'before' | 'after'): Promise<void> {
  const { outputFiles } = await build({
    absWorkingDir: folder,
    entryPoints: [`${which}-main.jsx`],
    bundle: true,
    write: false,
    format: 'iife',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"development"' },
    alias: { '@/lib': join(folder, 'lib'), 'ssekit/react': join(ROOT, 'dist', 'react', 'index.mjs') },
    nodePaths: [join(ROOT, 'node_modules')],
    logLevel: 'error',
  });
  await page.goto(`http://127.0.0.1:${site.port}/`);
  await page.addScriptTag({ content: (outputFiles ?? [])[0]?.text as string });
  await clientsAre(1);
}

const send = (message: string): Promise<unknown> =>
  server.evaluate(({ sse }, message) => sse.sendToUser('ada', { event: 'notification', data: { message } }), message);
/** Ends the stream, and sends this before the page can be back. */
const cutAndSend = (message: string): Promise<unknown> =>
  server.evaluate(({ sse }, message) => {
    sse.disconnectClient(sse.getActiveClients()[0] as string);
    sse.sendToUser('ada', { event: 'notification', data: { message } });
  }, message);
const clientsAre = (count: number): Promise<unknown> =>
  until(`${count} clients`, () => server.evaluate(({ sse }, count) => sse.stats().clients === count, count));
const connects = (): Promise<number> => server.evaluate(({ sse }) => sse.stats().connects);

const shows = (...wanted: string[]): Promise<unknown> =>
  until(`${wanted}`, async () => (await page.locator('li').allTextContents()).join() === wanted.join());

/** A message, a cut with a message in it, and one more after it. */
async function story(): Promise<void> {
  await send('one');
  await shows('one');
  const before = await connects();
  await cutAndSend('two');
  await until('the page to be back', async () => (await connects()) > before);
  await clientsAre(1);
  await send('three');
}

test('before, an event in a cut is lost without a word', async () => {
  await open('before');
  await story();
  await shows('one', 'three');
});

test('after, none is lost', async () => {
  await open('after');
  await story();
  await shows('one', 'two', 'three');
  expect(await page.getByRole('status').textContent()).toBe('Live');
});

test('after, an event that is gone for good is made up by a fetch', async () => {
  await open('after');
  await send('one');
  await shows('one');
  stored = ['one', 'of the time between'];
  site.forgedId = 'unknown.1';
  await server.evaluate(({ sse }) => sse.disconnectClient(sse.getActiveClients()[0] as string));
  await shows('one', 'of the time between');
  await send('three');
  await shows('one', 'of the time between', 'three');
});
