/** Real Firefox, driven by WebDriver BiDi: it has only what tests of a stream need. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BrowserProcess, type Result } from './browser-process';

/** As in `about:config`. */
export type Preferences = Record<string, string | number | boolean>;

function argumentsFor(profile: string, preferences: Preferences): string[] {
  const lines = Object.entries(preferences).map((entry) => `user_pref(${entry.map((part) => JSON.stringify(part))});`);
  writeFileSync(join(profile, 'user.js'), lines.join('\n'));
  const own = ['--headless', '--no-remote', '--profile', profile];
  return [...own, '--remote-debugging-port', '0', 'about:blank'];
}

export class Firefox {
  readonly #process: BrowserProcess;
  /** Its tabs share cookies and caches, and those of no other. */
  #userContext: string | undefined;

  private constructor(preferences: Preferences) {
    this.#process = new BrowserProcess('firefox', (profile) => argumentsFor(profile, preferences));
  }

  static async start(preferences: Preferences = {}): Promise<Firefox> {
    const firefox = new Firefox(preferences);
    await firefox.#process.connect(/WebDriver BiDi listening on (ws:\S+)/, '/session');
    const capabilities = { alwaysMatch: { acceptInsecureCerts: true } };
    await firefox.#process.call('session.new', { capabilities });
    return firefox;
  }

  /** Opens an address in a new tab. */
  async open(url: string): Promise<FirefoxPage> {
    const userContext = this.#userContext;
    const options = { type: 'tab', ...(userContext && { userContext }) };
    const { context } = await this.#process.call('browsingContext.create', options);
    const page = new FirefoxPage(context as string, (method, params) => this.#process.call(method, params));
    await page.goto(url);
    return page;
  }

  /** Closes all tabs that are open since the last time, and begins without cookies and caches. */
  async reset(): Promise<void> {
    const { userContext } = await this.#process.call('browser.createUserContext', {});
    const before = this.#userContext;
    this.#userContext = userContext as string;
    if (before) await this.#process.call('browser.removeUserContext', { userContext: before });
  }

  close(): Promise<void> {
    return this.#process.close();
  }
}

/** A tab. */
export class FirefoxPage {
  readonly #context: string;
  readonly #call: (method: string, params: object) => Promise<Result>;

  constructor(context: string, call: (method: string, params: object) => Promise<Result>) {
    this.#context = context;
    this.#call = call;
  }

  /** Loads an address, and waits until the page is there. */
  async goto(url: string): Promise<void> {
    await this.#call('browsingContext.navigate', { context: this.#context, url, wait: 'complete' });
  }

  async back(): Promise<void> {
    await this.#call('browsingContext.traverseHistory', { context: this.#context, delta: -1 });
  }

  async close(): Promise<void> {
    await this.#call('browsingContext.close', { context: this.#context });
  }

  /** Takes the page's network away, or gives it back. */
  async setOffline(isOffline: boolean): Promise<void> {
    const networkConditions = isOffline ? { type: 'offline' } : null;
    await this.#call('emulation.setNetworkConditions', { networkConditions, contexts: [this.#context] });
  }

  /** Runs a function in the page and returns what it returns, as far as JSON can carry it. */
  async evaluate<A extends unknown[], R>(body: (...args: A) => R, ...args: A): Promise<Awaited<R>> {
    const call = `Promise.resolve((${body})(...${JSON.stringify(args)}))`;
    const answer = await this.#call('script.evaluate', {
      expression: `${call}.then((result) => JSON.stringify(result ?? null))`,
      target: { context: this.#context },
      awaitPromise: true,
    });
    if (answer.type !== 'success') throw new Error(`the page threw: ${JSON.stringify(answer.exceptionDetails)}`);
    return JSON.parse((answer.result as { value: string }).value);
  }
}
