/** A real browser, as a process that is driven by messages over a socket. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'undici';
import { browserPath } from './browser-path';
import { until } from './until';

export type Result = Record<string, unknown>;

interface Answer {
  id: number;
  result?: Result;
  /** A text in one protocol, and an object in the other. */
  error?: unknown;
}

export class BrowserProcess {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #ended: Promise<unknown>;
  readonly #pending = new Map<number, (answer: Answer) => void>();
  #socket: WebSocket | undefined;
  #stderr = '';
  #calls = 0;

  /** `args`: those of a start with this folder as the profile. */
  constructor(name: 'chromium' | 'firefox', args: (profile: string) => string[]) {
    this.#name = name;
    this.#profile = mkdtempSync(join(tmpdir(), `ssekit-${name}-`));
    this.#child = spawn(browserPath(name), args(this.#profile), { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr?.setEncoding('utf8').on('data', (text) => {
      this.#stderr += text;
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', resolve);
      this.#child.once('error', resolve);
    });
  }

  /** Waits until the browser prints its address, and connects to it. */
  async connect(address: RegExp, path = ''): Promise<void> {
    try {
      const url = await until('its address', () => address.exec(this.#stderr)?.[1]);
      const socket = new WebSocket(url + path);
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
    } catch (error) {
      await this.close();
      throw new Error(`${this.#name} did not start:\n${this.#stderr}`, { cause: error });
    }
  }

  /** `more`: members of the message beside the method and its parameters. */
  async call(method: string, params: object, more: object = {}): Promise<Result> {
    const id = ++this.#calls;
    const answer = await new Promise<Answer>((resolve) => {
      this.#pending.set(id, resolve);
      this.#socket?.send(JSON.stringify({ id, method, params, ...more }));
    });
    if (!answer.result) throw new Error(`${method}: ${JSON.stringify(answer)}`);
    return answer.result;
  }

  async close(): Promise<void> {
    this.#socket?.close();
    this.#child.kill('SIGKILL');
    await this.#ended;
    // Its helpers notice that it is gone, and write into the profile until then. Node's own retries would not look for new files.
    await until('the profile to be gone', () => this.#removeProfile());
  }

  #removeProfile(): boolean {
    try {
      rmSync(this.#profile, { recursive: true, force: true });
      return true;
    } catch {
      return false;
    }
  }
}
