/**
 * Real Chromium, driven by its own protocol. A driver such as Playwright keeps each page awake and in focus, and a page that is awake is
 * never frozen.
 */
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
  error?: { message: string };
}

export class BareChromium {
  readonly #child: ChildProcess;
  readonly #profile = mkdtempSync(join(tmpdir(), 'ssekit-chromium-'));
  readonly #ended: Promise<unknown>;
  readonly #pending = new Map<number, (answer: Answer) => void>();
  #socket: WebSocket | undefined;
  #stderr = '';
  #calls = 0;

  private constructor() {
    const own = ['--headless', '--disable-gpu', '--no-first-run', '--disable-background-networking'];
    // Chromium has no sandbox for root.
    if (process.getuid?.() === 0) own.push('--no-sandbox');
    const args = [...own, `--user-data-dir=${this.#profile}`, '--remote-debugging-port=0', 'about:blank'];
    this.#child = spawn(browserPath('chromium'), args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr?.setEncoding('utf8').on('data', (text) => {
      this.#stderr += text;
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', resolve);
      this.#child.once('error', resolve);
    });
  }

  static async start(): Promise<BareChromium> {
    const chromium = new BareChromium();
    try {
      await chromium.#connect();
      return chromium;
    } catch (error) {
      await chromium.close();
      throw new Error(`Chromium did not start:\n${chromium.#stderr}`, { cause: error });
    }
  }

  /** Opens an address in a new tab. */
  async open(url: string): Promise<BarePage> {
    const { targetId } = await this.#call('Target.createTarget', { url });
    const { sessionId } = await this.#call('Target.attachToTarget', { targetId, flatten: true });
    return new BarePage((method, params) => this.#call(method, params, String(sessionId)));
  }

  async close(): Promise<void> {
    this.#socket?.close();
    this.#child.kill('SIGKILL');
    await this.#ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  async #connect(): Promise<void> {
    const address = await until('its address', () => /DevTools listening on (ws:\S+)/.exec(this.#stderr)?.[1]);
    const socket = new WebSocket(address);
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

  async #call(method: string, params: object, sessionId?: string): Promise<Record<string, unknown>> {
    const id = ++this.#calls;
    const { result, error } = await new Promise<Answer>((resolve) => {
      this.#pending.set(id, resolve);
      this.#socket?.send(JSON.stringify({ id, method, params, sessionId }));
    });
    if (error || !result) throw new Error(`${method}: ${error?.message}`);
    return result;
  }
}

/** A tab. */
export class BarePage {
  readonly #call: (method: string, params: object) => Promise<Record<string, unknown>>;

  constructor(call: (method: string, params: object) => Promise<Record<string, unknown>>) {
    this.#call = call;
  }

  /** Hides the page, and stops it; or lets it go on. */
  async setFrozen(isFrozen: boolean): Promise<void> {
    await this.#call('Page.setWebLifecycleState', { state: isFrozen ? 'frozen' : 'active' });
  }

  /** Runs a function in the page and returns what it returns, as far as JSON can carry it. */
  async evaluate<R>(body: () => R): Promise<R> {
    const expression = `JSON.stringify((${body})() ?? null)`;
    const { result } = await this.#call('Runtime.evaluate', { expression });
    return JSON.parse((result as { value: string }).value);
  }
}
