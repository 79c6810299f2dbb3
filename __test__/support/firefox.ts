/** Real Firefox, driven by WebDriver BiDi: it has only what tests of a stream need. */
import { BrowserProcess } from './browser-process';

const argumentsFor = (profile: string): string[] => {
  const own = ['--headless', '--no-remote', '--profile', profile];
  return [...own, '--remote-debugging-port', '0', 'about:blank'];
};

export class Firefox {
  readonly #process = new BrowserProcess('firefox', argumentsFor);

  static async start(): Promise<Firefox> {
    const firefox = new Firefox();
    await firefox.#process.connect(/WebDriver BiDi listening on (ws:\S+)/, '/session');
    await firefox.#process.call('session.new', { capabilities: {} });
    return firefox;
  }

  /** Opens an address in a new tab. */
  async open(url: string): Promise<FirefoxPage> {
    const { context } = await this.#process.call('browsingContext.create', { type: 'tab' });
    await this.#process.call('browsingContext.navigate', { context, url, wait: 'complete' });
    return new FirefoxPage(
      async (expression) => {
        const target = { context };
        const answer = await this.#process.call('script.evaluate', { expression, target, awaitPromise: true });
        if (answer.type !== 'success') throw new Error(`the page threw: ${JSON.stringify(answer.exceptionDetails)}`);
        return (answer.result as { value: string }).value;
      },
      (networkConditions) =>
        this.#process.call('emulation.setNetworkConditions', { networkConditions, contexts: [context] }),
    );
  }

  close(): Promise<void> {
    return this.#process.close();
  }
}

/** A tab. */
export class FirefoxPage {
  readonly #run: (expression: string) => Promise<string>;

  readonly #setNetwork: (conditions: object | null) => Promise<unknown>;

  constructor(
    run: (expression: string) => Promise<string>,
    setNetwork: (conditions: object | null) => Promise<unknown>,
  ) {
    this.#run = run;
    this.#setNetwork = setNetwork;
  }

  /** Takes the page's network away, or gives it back. */
  async setOffline(isOffline: boolean): Promise<void> {
    await this.#setNetwork(isOffline ? { type: 'offline' } : null);
  }

  /** Runs a function in the page and returns what it returns, as far as JSON can carry it. */
  async evaluate<A extends unknown[], R>(body: (...args: A) => R, ...args: A): Promise<Awaited<R>> {
    const call = `Promise.resolve((${body})(...${JSON.stringify(args)}))`;
    return JSON.parse(await this.#run(`${call}.then((result) => JSON.stringify(result ?? null))`));
  }
}
