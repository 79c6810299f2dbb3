/** A page with `ssekit/react` in it, by React 18 or 19 in StrictMode, rendered on the server first; and the server of its streams. */
import { join } from 'node:path';
import { build } from 'esbuild';
import type { EngineBrowser, EnginePage } from './engines';
import { Evaluator } from './evaluator';
import { PageServer } from './page-server';
import type { Props } from './react-app';
import { until } from './until';

const ROOT = join(__dirname, '..', '..');

export const REACT_VERSIONS = [18, 19] as const;

type Version = (typeof REACT_VERSIONS)[number];

/** The module for pages. */
const moduleOf = (entry: string): Record<string, string> => ({
  [`ssekit/${entry}`]: join(ROOT, 'dist', entry, 'index.mjs'),
});

async function bundle(version: Version, platform: 'browser' | 'node'): Promise<string> {
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
    alias: { ...alias, ...moduleOf('react'), ...moduleOf('devtools') },
    logLevel: 'error',
  });
  return (outputFiles ?? [])[0]?.text as string;
}

/** The two halves of the app. */
interface App {
  script: string;
  render(props: Props): string;
}

async function makeApp(version: Version): Promise<App> {
  const [script, forServer] = await Promise.all([bundle(version, 'browser'), bundle(version, 'node')]);
  const module = { exports: {} as Pick<App, 'render'> };
  new Function('module', 'exports', 'require', forServer)(module, module.exports, require);
  return { script, render: module.exports.render };
}

const apps = new Map<Version, Promise<App>>();

function appOf(version: Version): Promise<App> {
  const app = apps.get(version) ?? makeApp(version);
  apps.set(version, app);
  return app;
}

/** The streams of a user, at any path. */
export class StreamOfAda {
  readonly server: Evaluator;
  readonly port: number;

  private constructor(server: Evaluator, port: number) {
    this.server = server;
    this.port = port;
  }

  static async start(): Promise<StreamOfAda> {
    const server = await Evaluator.start({ retryMs: 10, channels: { 'room:*': { presence: true } } });
    const port = await server.evaluate(({ require, state }) => {
      const { createSSERoute } = require('ssekit/next') as typeof import('../../ts/next/index');
      // A test may demand an authorization.
      const identify = ({ headers }: { headers: { get(name: string): string | null } }) =>
        state.demanded === undefined || headers.get('authorization') === state.demanded ? 'ada' : null;
      return require('./route-server.cjs').serveRoute(createSSERoute({ identify, authorize: () => true }));
    });
    return new StreamOfAda(server, port);
  }

  clients = (): Promise<number> => this.server.evaluate(({ sse }) => sse.stats().clients);
  connects = (): Promise<number> => this.server.evaluate(({ sse }) => sse.stats().connects);
  cursor = (): Promise<string> => this.server.evaluate(({ sse }) => sse.cursor());

  /** The number of clients that have a channel. */
  membersOf = (channel: string): Promise<number> =>
    this.server.evaluate(({ sse }, channel) => sse.getClientsByChannel(channel).length, channel);

  send = (data: unknown): Promise<void> =>
    this.server.evaluate(async ({ sse }, data) => {
      sse.sendToUser('ada', { event: 'number', data });
      await sse.flush();
    }, data as number);

  /** Refuses whoever has another authorization, from now on. */
  demand = (authorization: string | undefined): Promise<void> =>
    this.server.evaluate(({ state }, authorization) => {
      state.demanded = authorization;
    }, authorization);

  cut = (): Promise<unknown> => this.server.evaluate(({ sse }) => sse.disconnectUser('ada'));
}

/** Collects what React and the hooks complain about. It is the first script of the page. */
const COLLECT = `globalThis.complaints = [];
  const complain = (...parts) => complaints.push(parts.map((part) => part?.message ?? String(part)).join(' '));
  console.error = complain;
  addEventListener('error', ({ message }) => complain(message));
  addEventListener('unhandledrejection', ({ reason }) => complain(reason));`;

interface Shared {
  complaints: string[];
  heard: string[];
  resets: string[];
  listening: number;
  hydrate(props: Props): void;
  app(more: Partial<Props>): void;
}

export class ReactPage {
  /** The answer of `/state`, when it is there. */
  state: Promise<object> = Promise.resolve({ data: [] });
  fetches = 0;
  /** Comes before the app. */
  head = '';
  readonly #app: App;
  readonly #browser: EngineBrowser;
  readonly #pages: Record<string, string>;
  readonly site: PageServer;
  #page: EnginePage | undefined;

  private constructor(app: App, browser: EngineBrowser, site: PageServer, pages: Record<string, string>) {
    this.#app = app;
    this.#browser = browser;
    this.site = site;
    this.#pages = pages;
  }

  static async start(version: Version, browser: EngineBrowser, streams: StreamOfAda): Promise<ReactPage> {
    const app = await appOf(version);
    const pages: Record<string, string> = { '/app.js': app.script };
    const answers = {
      '/state': async (res: import('node:http').ServerResponse) => {
        page.fetches += 1;
        res.setHeader('content-type', 'application/json').end(JSON.stringify(await page.state));
      },
    };
    const site = await PageServer.start(streams.port, Object.assign(pages, answers));
    const page: ReactPage = new ReactPage(app, browser, site, pages);
    return page;
  }

  async close(): Promise<void> {
    await this.#page?.close();
    this.site.stop();
  }

  /** The page as the server renders it. Nothing runs in it yet. */
  async load(more: Partial<Props>): Promise<Props> {
    const props: Props = { isShown: true, parts: [], user: 'ada', initial: [], tag: '', isHidden: false, ...more };
    const root = `<div id="root">${this.#app.render(props)}</div>`;
    this.#pages['/'] = `<!doctype html><script>${COLLECT}</script>${this.head}${root}<script src="/app.js"></script>`;
    this.#page = await this.#browser.open(`http://127.0.0.1:${this.site.port}/`);
    return props;
  }

  hydrate(props: Props): Promise<void> {
    return this.evaluate((props) => (globalThis as unknown as Shared).hydrate(props), props);
  }

  async open(more: Partial<Props>): Promise<void> {
    await this.hydrate(await this.load({ ...more, parts: [...(more.parts ?? []), 'status'] }));
    await this.reads('status', 'open');
  }

  set(more: Partial<Props>): Promise<void> {
    return this.evaluate((more) => (globalThis as unknown as Shared).app(more), more);
  }

  text(id: string): Promise<string | null | undefined> {
    return this.evaluate((id) => document.getElementById(id)?.textContent, id);
  }

  reads(id: string, wanted: string): Promise<unknown> {
    return until(`${id} to be ${wanted}`, async () => (await this.text(id)) === wanted);
  }

  heard(): Promise<string[]> {
    return this.evaluate(() => (globalThis as unknown as Shared).heard);
  }

  hears(...wanted: string[]): Promise<unknown> {
    return until(`${wanted}`, async () => (await this.heard()).join() === wanted.join());
  }

  /** Waits until so many components listen for events. */
  listen(count: number): Promise<unknown> {
    const listening = () => (globalThis as unknown as Shared).listening;
    return until(`${count} components`, async () => (await this.evaluate(listening)) === count);
  }

  /** The providers whose `onReset` was called. */
  resets(): Promise<string[]> {
    return this.evaluate(() => (globalThis as unknown as Shared).resets);
  }

  /** Complaints since the last time. */
  complaints(): Promise<string[]> {
    return this.evaluate(() => (globalThis as unknown as Shared).complaints.splice(0));
  }

  evaluate<A extends unknown[], R>(body: (...args: A) => R, ...args: A): Promise<Awaited<R>> {
    return (this.#page as EnginePage).evaluate(body, ...args);
  }
}
