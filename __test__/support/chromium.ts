/** Real Chromium, in the form of the other engines. Each context of it is what a user knows as an incognito window. */
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { browserPath } from './browser-path';

export class Chromium {
  readonly #browser: Browser;
  #context: BrowserContext;

  private constructor(browser: Browser, context: BrowserContext) {
    this.#browser = browser;
    this.#context = context;
  }

  /** `args`: more of the command line. */
  static async start(args: string[] = []): Promise<Chromium> {
    const browser = await chromium.launch({
      executablePath: browserPath('chromium'),
      // Chromium has no sandbox for root.
      chromiumSandbox: process.getuid?.() !== 0,
      args,
      // Browsers that nobody drives have it.
      ignoreDefaultArgs: ['--disable-back-forward-cache'],
    });
    return new Chromium(browser, await browser.newContext({ ignoreHTTPSErrors: true }));
  }

  /** For what only Chromium can do. */
  get own(): { browser: Browser; context: BrowserContext } {
    return { browser: this.#browser, context: this.#context };
  }

  /** Opens an address in a new tab. */
  async open(url: string): Promise<ChromiumPage> {
    const page = new ChromiumPage(await this.#context.newPage());
    await page.goto(url);
    return page;
  }

  /** Closes all tabs, and forgets cookies and caches. */
  async reset(): Promise<void> {
    await this.#context.close();
    this.#context = await this.#browser.newContext({ ignoreHTTPSErrors: true });
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}

/** A tab. */
export class ChromiumPage {
  readonly own: Page;

  constructor(page: Page) {
    this.own = page;
  }

  /** Loads an address, and waits until the page is there. */
  async goto(url: string): Promise<void> {
    await this.own.goto(url);
  }

  async back(): Promise<void> {
    // A page from the cache is not loaded, so there is nothing to wait for.
    await this.own.goBack({ waitUntil: 'commit' });
  }

  close(): Promise<void> {
    return this.own.close();
  }

  /** Takes the network away from all tabs, or gives it back. */
  async setOffline(isOffline: boolean): Promise<void> {
    await this.own.context().setOffline(isOffline);
  }

  /** Runs a function in the page and returns what it returns, as far as JSON can carry it. */
  async evaluate<A extends unknown[], R>(body: (...args: A) => R, ...args: A): Promise<Awaited<R>> {
    const call = `Promise.resolve((${body})(...${JSON.stringify(args)}))`;
    return JSON.parse(await this.own.evaluate(`${call}.then((result) => JSON.stringify(result ?? null))`));
  }
}
