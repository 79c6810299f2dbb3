/** A site whose tabs listen (`tab-server.cjs`), in a process of its own, and what a test wants to know of it and of its tabs. */
import type { EnginePage } from './engines';
import { Evaluator } from './evaluator';
import { until } from './until';

export interface SiteOptions {
  port?: number;
  csp?: string;
  http2?: boolean;
  /** Serves the client and the worker of another version of the package. */
  version?: string;
}

/** A request for the stream or for a script. */
export interface Seen {
  url: string;
  carrier?: string;
}

interface Site {
  port: number;
  requests: Seen[];
  streams(): number;
}

/** A server of pages, at one origin. */
export class TabSite {
  readonly server: Evaluator;
  readonly origin: string;

  constructor(server: Evaluator, origin: string) {
    this.server = server;
    this.origin = origin;
  }

  static async start(options: SiteOptions = {}): Promise<TabSite> {
    const server = await Evaluator.start({ retryMs: 50 });
    const port = await TabSite.serveFrom(server, options);
    return new TabSite(server, `${options.http2 ? 'https' : 'http'}://127.0.0.1:${port}`);
  }

  /** Serves the pages from a process, and returns the port. */
  static serveFrom(server: Evaluator, options: SiteOptions = {}): Promise<number> {
    return server.evaluate(async ({ require, state }, options) => {
      state.site = await require('./tab-server.cjs').serveTabs(options);
      return state.site.port as number;
    }, options);
  }

  /** The same site under another name of this machine. */
  at(host: string): TabSite {
    return new TabSite(this.server, this.origin.replace('127.0.0.1', host));
  }

  /** Kills the server, and starts another one at the same port. */
  async restart(options: SiteOptions = {}): Promise<TabSite> {
    await this.server.stop('SIGKILL');
    return TabSite.start({ ...options, port: Number(new URL(this.origin).port) });
  }

  /** The number of responses that are event streams. */
  streams(): Promise<number> {
    return this.server.evaluate(({ state }) => (state.site as Site).streams());
  }

  hasStreams(count: number): Promise<unknown> {
    return until(`${count} streams`, async () => (await this.streams()) === count);
  }

  requests(): Promise<Seen[]> {
    return this.server.evaluate(({ state }) => (state.site as Site).requests);
  }

  clientsOf(userId: string): Promise<string[]> {
    return this.server.evaluate(({ sse }, userId) => sse.getClientsByUser(userId), userId);
  }

  hasClients(userId: string, count: number): Promise<unknown> {
    return until(`${count} clients`, async () => (await this.clientsOf(userId)).length === count);
  }

  send(data: number, except?: string): Promise<unknown> {
    return this.server.evaluate(
      ({ sse }, data, except) => sse.broadcast({ event: 'number', data }, except),
      data,
      except,
    );
  }

  sendToUser(userId: string, data: number): Promise<unknown> {
    return this.server.evaluate(
      ({ sse }, userId, data) => sse.sendToUser(userId, { event: 'number', data }),
      userId,
      data,
    );
  }

  /** The address of a page whose client has these options beside the URL. */
  pageWith(options: object = {}): string {
    return `${this.origin}/?options=${encodeURIComponent(JSON.stringify(options))}`;
  }
}

export interface State {
  heard: number[];
  errors: string[];
  state: string;
  id: string;
  cursor: string;
}

/** Runs in the page. */
const look = (): State => {
  type Globals = Pick<State, 'heard' | 'errors'> & { client?: { status: State; clientId: string; cursor: string } };
  const { heard = [], errors = [], client } = globalThis as unknown as Globals;
  return {
    heard,
    errors,
    state: client?.status.state ?? '',
    id: client?.clientId ?? '',
    cursor: client?.cursor ?? '',
  };
};

/** A page that can be looked into: those of all drivers can. */
export interface Watched {
  evaluate(body: typeof look): Promise<State>;
}

/** A page that listens. */
export class ListeningTab<Page extends Watched = EnginePage> {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  look(): Promise<State> {
    return this.page.evaluate(look);
  }

  async id(): Promise<string> {
    return (await this.look()).id;
  }

  isIn(state: string): Promise<unknown> {
    return until(state, async () => (await this.look()).state === state);
  }

  /** Waits until it has had these events, and no others. */
  async heard(...wanted: number[]): Promise<void> {
    await until(`${wanted}`, async () => (await this.look()).heard.join() === wanted.join());
  }
}

/** All tabs have had these events, and no others. */
export async function allHeard(tabs: ListeningTab<Watched>[], ...wanted: number[]): Promise<void> {
  await Promise.all(tabs.map((tab) => tab.heard(...wanted)));
}

export async function expectNoErrors(...tabs: ListeningTab<Watched>[]): Promise<void> {
  for (const tab of tabs) expect((await tab.look()).errors).toEqual([]);
}

/** Opens a tab, and waits for its stream. */
export async function openTab(
  browser: { open(url: string): Promise<EnginePage> },
  site: TabSite,
  options: object = {},
): Promise<ListeningTab> {
  const tab = new ListeningTab(await browser.open(site.pageWith(options)));
  await tab.isIn('open');
  return tab;
}

export async function openTabs(
  browser: { open(url: string): Promise<EnginePage> },
  site: TabSite,
  count: number,
  options: object = {},
): Promise<ListeningTab[]> {
  const tabs: ListeningTab[] = [];
  for (let number = 0; number < count; number += 1) tabs.push(await openTab(browser, site, options));
  return tabs;
}

/** Makes somebody the user of the tabs that this browser opens from now on. */
export async function logIn(
  browser: { open(url: string): Promise<EnginePage> },
  site: TabSite,
  user: string,
): Promise<void> {
  const page = await browser.open(`${site.origin}/elsewhere`);
  await page.evaluate((user) => void Object.assign(document, { cookie: `user=${user}` }), user);
  await page.close();
}
