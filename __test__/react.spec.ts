/** `ssekit/react` in Chromium, by React 18 and 19 in StrictMode, rendered on the server first. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from './support/browser';
import { Evaluator, stopEvaluators } from './support/evaluator';
import type { Props } from './support/react-app';
import { problems } from './support/type-problems';
import { until } from './support/until';

const ROOT = join(__dirname, '..');

async function bundle(version: number, platform: 'browser' | 'node'): Promise<string> {
  const alias: Record<string, string> = version === 18 ? { react: 'react18', 'react-dom': 'react-dom18' } : {};
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['__test__/support/react-app.tsx'],
    bundle: true,
    write: false,
    platform,
    format: platform === 'node' ? 'cjs' : 'iife',
    jsx: 'automatic',
    // The one that says when something is wrong.
    define: { 'process.env.NODE_ENV': '"development"' },
    alias: { ...alias, 'ssekit/react': join(ROOT, 'dist', 'react', 'index.mjs') },
    logLevel: 'error',
  });
  return (outputFiles ?? [])[0]?.text as string;
}

let browser: Browser;
let server: Evaluator;
let port: number;
beforeAll(async () => {
  [browser, server] = await Promise.all([
    openBrowser(),
    Evaluator.start({ retryMs: 10, channels: { 'room:*': { presence: true } } }),
  ]);
  port = await server.evaluate(({ require }) => {
    const { createSSERoute } = require('ssekit/next') as typeof import('../ts/next/index');
    return require('./route-server.cjs').serveRoute(createSSERoute({ identify: () => 'ada', authorize: () => true }));
  });
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await stopEvaluators();
});

const clients = (): Promise<number> => server.evaluate(({ sse }) => sse.stats().clients);
const connects = (): Promise<number> => server.evaluate(({ sse }) => sse.stats().connects);
const cursor = (): Promise<string> => server.evaluate(({ sse }) => sse.cursor());
const send = (data: unknown): Promise<void> =>
  server.evaluate(async ({ sse }, data) => {
    sse.sendToUser('ada', { event: 'number', data });
    await sse.flush();
  }, data as number);

describe.each([18, 19])('React %d', (version) => {
  let script: string;
  let render: (props: Props) => string;
  let page: Page;
  /** React's complaints. */
  let complaints: string[];
  /** The answer of `/state`, when it is there. */
  let state: Promise<object>;
  let fetches: number;

  beforeAll(async () => {
    const [forPage, forServer] = await Promise.all([bundle(version, 'browser'), bundle(version, 'node')]);
    script = forPage;
    const module = { exports: {} as { render: typeof render } };
    new Function('module', 'exports', 'require', forServer)(module, module.exports, require);
    render = module.exports.render;
  }, 120_000);
  beforeEach(async () => {
    [complaints, fetches, state] = [[], 0, Promise.resolve({ data: [] })];
    page = await browser.newPage();
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', ({ message }) => complaints.push(message));
    await page.route('**/state', async (route) => {
      fetches += 1;
      await route.fulfill({ json: await state });
    });
  });
  afterEach(async () => {
    await page.close();
    await until('nobody to be left', async () => (await clients()) === 0);
    expect(complaints).toEqual([]);
  });

  /** A page as the server renders it. Nothing runs in it yet. */
  async function load(more: Partial<Props>): Promise<Props> {
    const props: Props = { isShown: true, parts: [], user: 'ada', initial: [], tag: '', isHidden: false, ...more };
    await page.goto(`http://127.0.0.1:${port}/page`);
    await page.setContent(`<!doctype html><div id="root">${render(props)}</div>`);
    await page.addScriptTag({ content: script });
    return props;
  }

  const hydrate = (props: Props): Promise<void> =>
    page.evaluate((props) => (globalThis as unknown as { hydrate(props: Props): void }).hydrate(props), props);

  async function open(more: Partial<Props>): Promise<void> {
    await hydrate(await load({ ...more, parts: [...(more.parts ?? []), 'status'] }));
    await reads('status', 'open');
  }

  const set = (more: Partial<Props>): Promise<void> =>
    page.evaluate((more) => (globalThis as unknown as { app(more: Partial<Props>): void }).app(more), more);

  const text = (id: string): Promise<string | null> => page.locator(`#${id}`).textContent();
  const reads = (id: string, wanted: string): Promise<unknown> =>
    until(`${id} to be ${wanted}`, async () => (await text(id)) === wanted);

  const heard = (): Promise<string[]> => page.evaluate(() => (globalThis as unknown as { heard: string[] }).heard);
  const hears = (...wanted: string[]): Promise<unknown> =>
    until(`${wanted}`, async () => (await heard()).join() === wanted.join());

  test('StrictMode and several components open one stream, and each gets each event once', async () => {
    const before = await connects();
    await open({ parts: ['event', 'event', 'live', 'latest'], tag: 'a' });
    await send(1);
    await reads('live', '1');
    await reads('latest', '1');
    await hears('a1', 'a1');
    expect([await connects(), await clients()]).toEqual([before + 1, 1]);
  });

  test('the newest handler is called, and no other stream is opened for it', async () => {
    const before = await connects();
    await open({ parts: ['event'], tag: 'a' });
    await send(1);
    await hears('a1');
    await set({ tag: 'b' });
    await send(2);
    await hears('a1', 'b2');
    expect(await connects()).toBe(before + 1);
  });

  test('another user has another stream, and the state of none before', async () => {
    // With a cursor for both, because components may hydrate after the stream has begun.
    const start = await cursor();
    await open({ parts: ['live', 'latest'], user: 'ada', initial: ['first'], rendered: start, since: start });
    await send(1);
    await reads('live', 'first,1');
    const before = await connects();
    const later = await cursor();
    await set({ user: 'grace', initial: ['hers'], rendered: later, since: later });
    await reads('live', 'hers');
    expect(await text('latest')).toBe('none');
    await until('the other stream', async () => (await connects()) === before + 1 && (await clients()) === 1);
    await send(2);
    await reads('live', 'hers,2');
  });

  test('the cursor outlasts an unmount', async () => {
    await open({ parts: ['event'], tag: 'a' });
    await send(1);
    await hears('a1');
    await set({ isShown: false });
    await until('the end of the stream', async () => (await clients()) === 0);
    await send(2);
    await set({ isShown: true, tag: 'b' });
    await hears('a1', 'b2');
    await send(3);
    await hears('a1', 'b2', 'b3');
  });

  test('an event between rendering and hydrating is shown once', async () => {
    await send('before');
    const rendered = await cursor();
    const props = await load({ parts: ['live', 'status'], initial: ['rendered'], rendered, since: rendered });
    expect([await text('live'), await text('status')]).toEqual(['rendered', 'connecting']);
    await send(1);
    await hydrate(props);
    await reads('live', 'rendered,1');
    await send(2);
    await reads('live', 'rendered,1,2');
    expect(fetches).toBe(0);
  });

  test('a component that hydrates after others gets what came meanwhile, and nothing that it has', async () => {
    const start = await cursor();
    await open({ parts: ['event'], since: start });
    await send(1);
    const rendered = await cursor();
    await send(2);
    await hears('1', '2');
    await set({ parts: ['event', 'live'], initial: ['with 1'], rendered });
    await reads('live', 'with 1,2');
    await send(3);
    await reads('live', 'with 1,2,3');
    expect(fetches).toBe(0);
  });

  test('a component whose cursor is older than the stream fetches its state', async () => {
    const rendered = await cursor();
    await send('missed');
    await open({ parts: ['event'] });
    state = Promise.resolve({ data: ['fetched'], since: await cursor() });
    await set({ parts: ['event', 'live'], initial: ['old'], rendered });
    await reads('live', 'fetched');
    await send(1);
    await reads('live', 'fetched,1');
    expect(fetches).toBeGreaterThan(0);
  });

  test('after a reset, events wait for the state, and are applied once', async () => {
    let answer = (_: object): void => {};
    state = new Promise((resolve) => {
      answer = resolve;
    });
    await open({ parts: ['live'], since: 'unknown.1', initial: ['old'] });
    await until('the request', () => fetches > 0);
    await send('in the answer');
    const since = await cursor();
    await send('after it');
    answer({ data: ['fetched', 'in the answer'], since });
    await reads('live', 'fetched,in the answer,after it');
  });

  test('a component that mounts after a reset fetches its state, although it has no cursor', async () => {
    await open({ since: 'unknown.1' });
    state = Promise.resolve({ data: ['fetched'], since: await cursor() });
    await set({ parts: ['status', 'live'], initial: ['old'] });
    await reads('live', 'fetched');
  });

  test('a reset that no component handles is told', async () => {
    await open({ parts: ['event'], since: 'unknown.1' });
    await until('the complaint', () => complaints.length > 0);
    expect(complaints.splice(0).join()).toContain('Events were missed: fetch the state by `useLive`');
  });

  test('a newer rendering replaces the state, with what came after it', async () => {
    const start = await cursor();
    await open({ parts: ['live'], rendered: start, since: start });
    await send(1);
    const rendered = await cursor();
    await send(2);
    await reads('live', '1,2');
    await set({ initial: ['one'], rendered });
    await reads('live', 'one,2');
    expect(fetches).toBe(0);
  });

  test('members of a channel come and go', async () => {
    const rendered = await cursor();
    await open({ parts: ['presence'], channel: 'room:1', rendered, since: rendered });
    await reads('presence', 'ada');
    await set({ parts: ['status'] });
    await until('the channel to be left', () =>
      server.evaluate(({ sse }) => sse.getClientsByChannel('room:1').length === 0),
    );
  });

  test('a channel is there for as long as a component wants it', async () => {
    const members = () => server.evaluate(({ sse }) => sse.getClientsByChannel('order:1').length);
    await open({ parts: ['channel', 'channel', 'event'], channel: 'order:1' });
    await until('the channel', async () => (await members()) === 1);
    await set({ parts: ['channel', 'event'] });
    await server.evaluate(({ sse }) => sse.sendToChannel('order:1', { event: 'number', data: 1 }));
    await hears('1');
    await set({ parts: ['event'] });
    await until('the channel to be left', async () => (await members()) === 0);
  });

  test('a channel of the first components has what came after their cursor', async () => {
    const rendered = await cursor();
    const props = await load({ parts: ['event', 'channel', 'status'], channel: 'order:2', rendered });
    const sendThere = (data: number) =>
      server.evaluate(({ sse }, data) => sse.sendToChannel('order:2', { event: 'number', data }), data);
    await sendThere(1);
    await hydrate(props);
    await hears('1');
    await sendThere(2);
    await hears('1', '2');
  });

  test('events refresh the page, several at once', async () => {
    await open({ parts: ['refresh', 'latest'] });
    // The page's timers stand still until the test moves them.
    await page.clock.install();
    await page.clock.pauseAt(Date.now() + 60_000);
    await server.evaluate(({ sse }) => {
      for (const data of [1, 2, 3]) sse.sendToUser('ada', { event: 'number', data });
    });
    const latest = () => page.evaluate(() => document.getElementById('latest')?.textContent);
    await until('the newest event', async () => (await latest()) === '3');
    const refreshes = () => page.evaluate(() => (globalThis as unknown as { refreshes: number }).refreshes);
    expect(await refreshes()).toBe(0);
    await page.clock.runFor(250);
    expect(await refreshes()).toBe(1);
  });

  if (version === 19) {
    test('a part that was hidden shows what came meanwhile', async () => {
      await open({ parts: ['live', 'event'], tag: 'a' });
      await send(1);
      await reads('live', '1');
      const before = await connects();
      await set({ isHidden: true });
      await send(2);
      await set({ isHidden: false });
      await reads('live', '1,2');
      await hears('a1', 'a2');
      expect(await connects()).toBe(before);
    });
  }
});

describe('the module', () => {
  test('is under 3 KB, gzipped, and shares the client with the page', () => {
    const text = readFileSync(join(ROOT, 'dist', 'react', 'index.mjs'), 'utf8');
    expect(gzipSync(text, { level: 9 }).length).toBeLessThan(3_072);
    expect(text).toMatch(/^"use client";/);
    const imports = [...text.matchAll(/from"(.*?)"/g)].map(([, from]) => from);
    expect([...new Set(imports)].sort()).toEqual(['../client/index.mjs', 'react']);
  });

  test.each([
    ['import', "import('ssekit/react').then(tell)"],
    ['require', "tell(require('ssekit/react'))"],
  ])('Node.js gets it by %s, without a browser', (_, load) => {
    const tell = 'const tell = (module) => console.log(Object.keys(module).sort().join());';
    const { stdout } = spawnSync(process.execPath, ['-e', `${tell} ${load}`], { cwd: ROOT, encoding: 'utf8' });
    expect(stdout.trim()).toBe(
      'SSEProvider,useChannel,useConnection,useEvent,useLatest,useLive,usePresence,useRefreshOn',
    );
  });
});

describe('the types', () => {
  const declared = `
import { SSEProvider, useConnection, useEvent, useLatest, useLive, useRefreshOn } from 'ssekit/react';
declare module 'ssekit' {
  interface SSEEventMap { notification: { message: string }; 'order-completed': { orderId: string } }
}
const refetch = async () => ({ data: ['a'] });
`;
  const fits = [
    "useEvent('notification', ({ message }, { id }) => void (message + id));",
    "useEvent('*', (_, event) => event.event === 'notification' && event.data.message);",
    "useEvent('ssekit:join', ({ member }) => void member);",
    "useLatest('notification')?.message;",
    "useLatest('order-completed', null)?.orderId;",
    "useLive(['a'], { refetch, apply: (all, e) => (e.event === 'notification' ? [...all, e.data.message] : all) });",
    "useRefreshOn({ refresh() {} }, ['notification']);",
    "useConnection().state === 'open';",
    "SSEProvider({ url: '/sse', user: 7, auth: () => 'ticket' });",
  ];
  const mistakes: [statement: string, said: string][] = [
    ["useEvent('notifications', () => {});", 'not assignable'],
    ["useEvent('notification', ({ massage }) => massage);", "'massage' does not exist"],
    ["useLatest('notification').message;", 'possibly'],
    ["useLive(['a'], { refetch, apply: () => 7 });", 'not assignable'],
    ["useLive(['a'], { apply: (all) => all });", "'refetch' is missing"],
    ["useRefreshOn({ refresh() {} }, ['other']);", 'not assignable'],
    ["useConnection().state === 'opened';", 'no overlap'],
    ['SSEProvider({});', "'url' is missing"],
  ];

  test('take what fits, and no wrong names and payloads', () => {
    const found = problems(declared, [...fits, ...mistakes.map(([statement]) => statement)]);
    expect(found.slice(0, fits.length)).toEqual(fits.map(() => undefined));
    expect(found.slice(fits.length)).toEqual(mistakes.map(([, said]) => expect.stringContaining(said)));
  });
});
