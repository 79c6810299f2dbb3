/** A tab of Chromium with the page of the inspector in it. */
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import type { Line } from '../../ts/inspector/wire/lines';
import { openBrowser } from './browser';
import { hello } from './inspector-lines';
import { InspectorServer, type ServedWatch, stopInspectorServers } from './inspector-server';
import { until } from './until';

const tabs = new Set<InspectorTab>();

/**
 * For all tests of a file: one Chromium, and for each test a server of its own. After each, nothing may have gone wrong in its tabs.
 * Returns what the tests use, once they run.
 */
export function inspectorTests(): { browser: Browser; server: InspectorServer } {
  const used = {} as { browser: Browser; server: InspectorServer };
  beforeAll(async () => {
    used.browser = await openBrowser();
  }, 120_000);
  afterAll(() => used.browser?.close());
  beforeEach(async () => {
    used.server = await InspectorServer.start();
  });
  afterEach(async () => {
    const problems = (await Promise.all([...tabs].map((tab) => tab.close()))).flat();
    stopInspectorServers();
    expect(problems).toEqual([]);
  });
  return used;
}

export class InspectorTab {
  readonly page: Page;
  readonly server: InspectorServer;
  readonly #problems: string[] = [];

  private constructor(page: Page, server: InspectorServer) {
    this.page = page;
    this.server = server;
    tabs.add(this);
    page.on('pageerror', ({ message }) => this.#problems.push(message));
    page.on('dialog', (dialog) => {
      this.#problems.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('console', (message) => {
      // A refused request appears there, too.
      if (!/^Failed to load resource/.test(message.text())) this.#problems.push(message.text());
    });
    page.on('request', (request) => {
      // The target of a redirect appears even if the page does not follow it. Then no response does.
      if (!request.redirectedFrom()) this.#expectOwn(request.url());
    });
    page.on('response', (response) => this.#expectOwn(response.url()));
  }

  /** Opens the page; `fragment`: with its number sign. */
  static async open(
    { browser, server }: { browser: Browser; server: InspectorServer },
    { fragment = '', ...options }: BrowserContextOptions & { fragment?: string } = {},
  ): Promise<InspectorTab> {
    const context = await browser.newContext({ reducedMotion: 'reduce', timezoneId: 'Europe/Berlin', ...options });
    const tab = new InspectorTab(await context.newPage(), server);
    await tab.page.goto(server.url + fragment);
    return tab;
  }

  /** Opens the page, and writes the first lines of its watch. */
  static async live(
    used: { browser: Browser; server: InspectorServer },
    lines: Line[],
    options: BrowserContextOptions = {},
  ): Promise<[tab: InspectorTab, watch: ServedWatch]> {
    const tab = await InspectorTab.open(used, options);
    const watch = await used.server.watch(1);
    watch.write(hello(), ...lines);
    await tab.isIn('Live');
    return [tab, watch];
  }

  get clients(): Locator {
    return this.page.locator('#clients-body').getByRole('row');
  }

  get feed(): Locator {
    return this.page.locator('#feed-body').getByRole('row');
  }

  id(id: string): Locator {
    return this.page.locator(`#${id}`);
  }

  /** Waits for a state of the connection. */
  isIn(state: string): Promise<void> {
    return this.page.locator('#status', { hasText: state }).waitFor();
  }

  /** Waits until a row of the feed has this text. */
  saw(text: string): Promise<void> {
    return this.feed.filter({ hasText: text }).first().waitFor();
  }

  /** Waits until an element has this text. */
  reads(id: string, text: string): Promise<unknown> {
    return until(`#${id} to read ${text}`, async () => (await this.id(id).textContent())?.includes(text));
  }

  #expectOwn(url: string): void {
    if (!url.startsWith(this.server.url)) this.#problems.push(`request: ${url}`);
  }

  async close(): Promise<string[]> {
    tabs.delete(this);
    await this.page.context().close();
    return [...this.#problems, ...this.server.elsewhere.map((path) => `path: ${path}`)];
  }
}
