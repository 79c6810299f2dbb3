/**
 * Real WebKit: its port for Linux, WebKitGTK, which has no headless mode. Driven by WebDriver, through the driver that comes with it:
 * https://www.w3.org/TR/webdriver2/
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { browserPath } from './browser-path';
import { freePort } from './free-port';
import { until } from './until';

/** Ends a process, and waits until it has ended. */
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

/** After so many milliseconds without an answer to a command that needs no page, the driver or its browser has hung. */
const HUNG_MS = 20_000;

export class WebKit {
  #screen: ChildProcess | undefined;
  #driver: ChildProcess | undefined;
  #origin = '';
  #session = '';
  /** Each new window has to be asked for in one that is there, and nothing closes this one. */
  #first = '';
  /** The window that the driver's commands go to. */
  #current = '';
  #turn: Promise<unknown> = Promise.resolve();

  private constructor() {}

  static async start(): Promise<WebKit> {
    const webkit = new WebKit();
    try {
      await webkit.#launch();
    } catch (error) {
      await webkit.close();
      throw error;
    }
    return webkit;
  }

  async #launch(): Promise<void> {
    const { screen, display } = await startScreen();
    this.#screen = screen;
    const port = await freePort();
    const env = {
      ...process.env,
      DISPLAY: display,
      GDK_BACKEND: 'x11',
      LIBGL_ALWAYS_SOFTWARE: '1',
      WEBKIT_DISABLE_COMPOSITING_MODE: '1',
    };
    const args = ['-p', String(port), '--host=127.0.0.1'];
    this.#driver = spawn(browserPath('webkit'), args, { env, stdio: 'ignore' });
    // Told below, by what does not answer.
    this.#driver.on('error', () => {});
    this.#origin = `http://127.0.0.1:${port}`;
    await until('the driver', () => this.#ask('GET', '/status').catch(() => false));
    await this.#begin();
  }

  /** Opens an address in a new window. New tabs of this browser are hidden, and their timers slow. */
  async open(url: string): Promise<WebKitPage> {
    const { handle } = await this.#inTurn(() => this.#in(this.#first, 'POST', '/window/new', { type: 'window' }));
    const page = new WebKitPage((method, path, body) => this.#inTurn(() => this.#in(handle, method, path, body)));
    await page.goto(url);
    return page;
  }

  /** Closes all windows, and forgets cookies and caches. A browser that has hung is replaced by another one. */
  async reset(): Promise<void> {
    const isDone = await this.#answers(async () => {
      await this.#command('DELETE', '');
      await this.#begin();
    });
    if (isDone) return;
    await this.#end();
    await this.#launch();
  }

  async close(): Promise<void> {
    // The browser ends with its session.
    if (this.#session) await this.#answers(() => this.#command('DELETE', '')).catch(() => {});
    await this.#end();
  }

  /** Whether the driver answers these commands. If not, they fail when it ends. */
  async #answers(commands: () => Promise<unknown>): Promise<boolean> {
    const answered = this.#inTurn(commands).then(() => true);
    answered.catch(() => {});
    return Promise.race([answered, setTimeout(HUNG_MS, false, { ref: false })]);
  }

  async #end(): Promise<void> {
    if (this.#driver) await end(this.#driver, 'SIGKILL');
    // It has a socket and a lock file to remove. A browser that is still there ends with it.
    if (this.#screen) await end(this.#screen, 'SIGTERM');
  }

  async #begin(): Promise<void> {
    const capabilities = { alwaysMatch: { acceptInsecureCerts: true } };
    const { sessionId } = await this.#ask('POST', '/session', { capabilities });
    this.#session = sessionId;
    this.#first = this.#current = await this.#command('GET', '/window');
  }

  // biome-ignore lint/suspicious/noExplicitAny: each command has another answer.
  async #in(handle: string, method: string, path: string, body?: object): Promise<any> {
    if (this.#current !== handle) await this.#command('POST', '/window', { handle });
    this.#current = path === '/window' ? '' : handle;
    return this.#command(method, path, body);
  }

  /** Commands go to one window at a time, so each waits for those before it. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }

  // biome-ignore lint/suspicious/noExplicitAny: each command has another answer.
  #command(method: string, path: string, body?: object): Promise<any> {
    return this.#ask(method, `/session/${this.#session}${path}`, body);
  }

  // biome-ignore lint/suspicious/noExplicitAny: see above.
  async #ask(method: string, path: string, body?: object): Promise<any> {
    const answer = await fetch(this.#origin + path, { method, ...(body && { body: JSON.stringify(body) }) });
    const { value } = (await answer.json()) as { value: { error?: string } };
    if (!answer.ok) throw new Error(`${method} ${path}: ${JSON.stringify(value)}`);
    return value;
  }
}

/** Starts a display that nobody sees. It chooses its own number. */
async function startScreen(): Promise<{ screen: ChildProcess; display: string }> {
  const args = ['-displayfd', '3', '-screen', '0', '1280x900x24', '-nolisten', 'tcp'];
  const screen = spawn(browserPath('xvfb'), args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  let number = '';
  (screen.stdio[3] as Readable).setEncoding('utf8').on('data', (text) => {
    number += text;
  });
  await once(screen, 'spawn');
  const display = await until('the number of the display', () => number.endsWith('\n') && `:${number.trim()}`);
  return { screen, display };
}

/** A window. */
export class WebKitPage {
  readonly #command: (method: string, path: string, body?: object) => Promise<string>;

  constructor(command: (method: string, path: string, body?: object) => Promise<string>) {
    this.#command = command;
  }

  /** Loads an address, and waits until the page is there. */
  async goto(url: string): Promise<void> {
    await this.#command('POST', '/url', { url });
  }

  async back(): Promise<void> {
    await this.#command('POST', '/back', {});
  }

  async close(): Promise<void> {
    await this.#command('DELETE', '/window');
  }

  /** Runs a function in the page and returns what it returns, as far as JSON can carry it. */
  async evaluate<A extends unknown[], R>(body: (...args: A) => R, ...args: A): Promise<Awaited<R>> {
    const script = `
      const done = arguments[0];
      new Promise((resolve) => resolve((${body})(...${JSON.stringify(args)}))).then(
        (result) => done(JSON.stringify({ result: result ?? null })),
        (error) => done(JSON.stringify({ error: String(error) })),
      );`;
    const { result, error } = JSON.parse(await this.#command('POST', '/execute/async', { script, args: [] }));
    if (error) throw new Error(`the page threw: ${error}`);
    return result;
  }
}
