/** Real Firefox, driven by WebDriver BiDi: it has only what tests of a stream need. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'undici';
import { browserPath } from './browser-path';
import { until } from './until';

interface Answer {
  id: number;
  result?: Record<string, unknown>;
  error?: string;
  message?: string;
}

export class Firefox {
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #ended: Promise<unknown>;
  readonly #pending = new Map<number, (answer: Answer) => void>();
  #socket: WebSocket | undefined;
  #stderr = '';
  #calls = 0;

  private constructor() {
    this.#profile = mkdtempSync(join(tmpdir(), 'ssekit-firefox-'));
    const own = ['--headless', '--no-remote', '--profile', this.#profile];
    const args = [...own, '--remote-debugging-port', '0', 'about:blank'];
    this.#child = spawn(browserPath('firefox'), args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr?.setEncoding('utf8').on('data', (text) => {
      this.#stderr += text;
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', resolve);
      this.#child.once('error', resolve);
    });
  }

  static async start(): Promise<Firefox> {
    const firefox = new Firefox();
    try {
      await firefox.#connect();
      await firefox.#call('session.new', { capabilities: {} });
      return firefox;
    } catch (error) {
      await firefox.close();
      throw new Error(`Firefox did not start:\n${firefox.#stderr}`, { cause: error });
    }
  }

  /** Opens an address in a new tab. */
  async open(url: string): Promise<FirefoxPage> {
    const { context } = await this.#call('browsingContext.create', { type: 'tab' });
    await this.#call('browsingContext.navigate', { context, url, wait: 'complete' });
    return new FirefoxPage(
      async (expression) => {
        const target = { context };
        const answer = await this.#call('script.evaluate', { expression, target, awaitPromise: true });
        if (answer.type !== 'success') throw new Error(`the page threw: ${JSON.stringify(answer.exceptionDetails)}`);
        return (answer.result as { value: string }).value;
      },
      (networkConditions) => this.#call('emulation.setNetworkConditions', { networkConditions, contexts: [context] }),
    );
  }

  async close(): Promise<void> {
    this.#socket?.close();
    this.#child.kill('SIGKILL');
    await this.#ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  async #connect(): Promise<void> {
    const address = await until('its address', () => /WebDriver BiDi listening on (ws:\S+)/.exec(this.#stderr)?.[1]);
    const socket = new WebSocket(`${address}/session`);
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const answer: Answer = JSON.parse(String(data));
      this.#pending.get(answer.id)?.(answer);
      this.#pending.delete(answer.id);
    });
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', reject);
    });
  }

  async #call(method: string, params: object): Promise<Record<string, unknown>> {
    const id = ++this.#calls;
    const { result, error, message } = await new Promise<Answer>((resolve) => {
      this.#pending.set(id, resolve);
      this.#socket?.send(JSON.stringify({ id, method, params }));
    });
    if (error || !result) throw new Error(`${method}: ${error}: ${message}`);
    return result;
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
