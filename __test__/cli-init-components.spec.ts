/** The components that `ssekit init` writes: they compile with the app's events, and say what is going on, in Chromium. */

import { join } from 'node:path';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import ts from 'typescript';
import { openBrowser } from './support/browser';
import { AppFolder, removeFolders } from './support/cli-app';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { PageServer, stopPageServers } from './support/page-server';
import { until } from './support/until';

const ROOT = join(__dirname, '..');

/** What the app has around the components. */
const MAIN = `
  import { createRoot } from 'react-dom/client';
  import { EventStream } from './components/event-stream';
  import { Notifications } from './components/notifications';
  createRoot(document.body).render(<EventStream><Notifications /></EventStream>);
`;
const NAVIGATION = 'const router = { refresh() { globalThis.refreshes = (globalThis.refreshes ?? 0) + 1; } };\n';

let browser: Browser;
let server: Evaluator;
let site: PageServer;
beforeAll(async () => {
  [browser, server] = await Promise.all([openBrowser(), Evaluator.start({ retryMs: 10 })]);
  const upstream = await server.evaluate(({ require, state }) => {
    const { createSSERoute } = require('ssekit/next') as typeof import('../ts/next/index');
    state.user = 'ada';
    return require('./route-server.cjs').serveRoute(createSSERoute({ identify: () => state.user }));
  });
  site = await PageServer.start(upstream, { '/': '<!doctype html><title>App</title>' });
}, 120_000);
afterAll(async () => {
  await browser?.close();
  stopPageServers();
  await stopEvaluators();
  removeFolders();
});

describe.each(['ts', 'js'] as const)('in an app in %s', (language) => {
  let app: AppFolder;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    app = new AppFolder({ language });
    await app.init();
    app.write({ 'main.jsx': MAIN, 'navigation.js': `${NAVIGATION}export const useRouter = () => router;\n` });
  });
  beforeEach(async () => {
    await server.evaluate(({ state }) => {
      state.user = 'ada';
    });
    complaints = [];
    page = await browser.newPage();
    page.on('pageerror', ({ message }) => complaints.push(message));
    await page.goto(`http://127.0.0.1:${site.port}/`);
    await page.addScriptTag({ content: await bundled(app) });
  });
  afterEach(async () => {
    await page.close();
    await until('nobody to be left', () => server.evaluate(({ sse }) => sse.stats().clients === 0));
    expect(complaints).toEqual([]);
  });

  const says = (text: string | RegExp): Promise<void> => page.getByRole('status').getByText(text).waitFor();
  const lines = (): Promise<string[]> => page.locator('li').allTextContents();
  const linesAre = (...wanted: string[]): Promise<unknown> =>
    until(`${wanted}`, async () => (await lines()).join() === wanted.join());

  test('they show the state of the connection, and what comes', async () => {
    await says('Live');
    expect(await page.getByText('No notifications yet.').count()).toBe(1);
    await server.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'notification', data: { message: 'hello' } }));
    await linesAre('hello');
    expect(await page.getByText('No notifications yet.').count()).toBe(0);
  });

  test('they say so when the log-in has ended', async () => {
    await says('Live');
    await server.evaluate(({ sse, state }) => {
      state.user = null;
      sse.disconnectUser('ada');
    });
    await says(/^Closed: .*\/api\/sse answered 401: log in/);
  });

  test('they say so when something was missed', async () => {
    await says('Live');
    site.forgedId = 'unknown.1';
    await server.evaluate(({ sse }) => sse.disconnectClient(sse.getActiveClients()[0] as string));
    await linesAre('Some notifications were missed.');
    await until('the server to be asked', () =>
      page.evaluate(() => (globalThis as { refreshes?: number }).refreshes === 1),
    );
  });
});

async function bundled(app: AppFolder): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: app.path,
    entryPoints: ['main.jsx'],
    bundle: true,
    write: false,
    format: 'iife',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"development"' },
    alias: {
      'next/navigation': join(app.path, 'navigation.js'),
      'ssekit/react': join(ROOT, 'dist', 'react', 'index.mjs'),
    },
    nodePaths: [join(ROOT, 'node_modules')],
    logLevel: 'error',
  });
  return (outputFiles ?? [])[0]?.text as string;
}

test('the compiler knows the events in them', async () => {
  const app = new AppFolder();
  await app.init();
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    jsx: ts.JsxEmit.ReactJSX,
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node', 'react'],
    typeRoots: [join(ROOT, 'node_modules', '@types')],
    paths: {
      react: [join(ROOT, 'node_modules', '@types', 'react')],
      'react/*': [join(ROOT, 'node_modules', '@types', 'react', '*')],
      'next/navigation': [join(app.path, 'navigation.ts')],
      ssekit: [join(ROOT, 'index.d.ts')],
      'ssekit/react': [join(ROOT, 'ts', 'react', 'index.ts')],
    },
  };
  app.write({ 'navigation.ts': 'export declare function useRouter(): { refresh(): void };\n' });
  const problemsOf = (): string[] => {
    const files = ['features/sse/index.ts', 'components/event-stream.tsx', 'components/notifications.tsx'];
    const program = ts.createProgram(
      files.map((file) => join(app.path, file)),
      options,
    );
    const found = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(app.path));
    return found
      .flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
  };
  expect(problemsOf()).toEqual([]);
  const feature = app.read('features/sse/index.ts');
  app.write({ 'features/sse/index.ts': feature.replace('notification: { message', 'note: { message') });
  expect(problemsOf()).toContainEqual(expect.stringContaining('"notification"'));
});
