/**
 * A process with its own hub, in which a test's functions run: with the real arguments, getters and errors that no
 * message between processes could carry. As in a browser driver's `evaluate`, a function sees what it is given and nothing
 * of the test around it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import type { Server } from 'node:http';
import { join } from 'node:path';
import type { ConnectOptions, SSEOptions, SSEService } from '../../index';
import type { handleSSE } from '../../ts/node/index';
import { whileStopped } from './stopped';

/** The first argument of every function. */
export interface Given {
  sse: SSEService;
  SSEService: typeof SSEService;
  handleSSE: typeof handleSSE;
  /** State that one function leaves for the next. */
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it has left there.
  state: Record<string, any>;
  /** The function that a text is the source of. */
  compile(source: string): (...args: unknown[]) => unknown;
  require: NodeJS.Require;
  /** The server of `/sse`. */
  server: Server;
  /** The options that `/sse` passes to `handleSSE`. */
  clientOf(query: URLSearchParams): ConnectOptions;
}

/** An error of the other process. */
export interface Thrown {
  class: string;
  code?: string;
  message: string;
  stack?: string;
}

type Answer = { id: number; result?: unknown; error?: Thrown };

const running = new Set<Evaluator>();

/** Call it in `afterAll` or `afterEach`: ends every process that was started. */
export async function stopEvaluators(): Promise<void> {
  await Promise.all([...running].map((evaluator) => evaluator.stop()));
}

export class Evaluator {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, (answer: Answer) => void>();
  #calls = 0;
  /** Its standard error. */
  stderr = '';
  /** Its exit code or signal, once it has ended. */
  ended: number | string | undefined;

  private constructor(child: ChildProcess, port: number, stderr: string) {
    this.#child = child;
    this.port = port;
    this.stderr = stderr;
    child.stderr?.on('data', (text) => {
      this.stderr += text;
    });
    child.on('message', (answer: Answer) => {
      this.#pending.get(answer.id)?.(answer);
      this.#pending.delete(answer.id);
    });
    child.once('exit', (code, signal) => {
      this.ended = code ?? signal ?? 'unknown';
      running.delete(this);
      const error = { class: 'Error', message: `the process has ended: ${this.ended}` };
      for (const [id, answer] of this.#pending) answer({ id, error });
    });
    running.add(this);
  }

  /** `env`: variables on top of this process's. */
  static async start(configure?: SSEOptions, env: Record<string, string> = {}): Promise<Evaluator> {
    const settings = { stdio: 'pipe', serialization: 'advanced', env: { ...process.env, ...env } } as const;
    const child = fork(join(__dirname, 'evaluator-main.cjs'), settings);
    let stderr = '';
    const hear = (text: unknown): void => {
      stderr += text;
    };
    child.stderr?.on('data', hear);
    const port = await new Promise<number>((resolve, reject) => {
      child.once('message', (message: { port: number }) => resolve(message.port));
      child.once('exit', (code) => reject(new Error(`the process ended with ${code}: ${stderr}`)));
    });
    child.stderr?.off('data', hear);
    const evaluator = new Evaluator(child, port, stderr);
    if (configure) {
      await evaluator.evaluate(({ SSEService }, options) => {
        SSEService.configure(options);
      }, configure);
    }
    return evaluator;
  }

  /** Runs a function there and returns what it returns, or throws what it throws. */
  async evaluate<A extends unknown[], R>(body: (given: Given, ...args: A) => R, ...args: A): Promise<Awaited<R>> {
    const answer = await this.#ask(body, args);
    if (!answer.error) return answer.result as Awaited<R>;
    const { class: name, code, message } = answer.error;
    throw Object.assign(new Error(`${name}: ${message}`), { code, remoteStack: answer.error.stack });
  }

  /** Runs a function there that is expected to throw, and returns what it threw. */
  async thrownBy<A extends unknown[]>(body: (given: Given, ...args: A) => unknown, ...args: A): Promise<Thrown> {
    const answer = await this.#ask(body, args);
    if (answer.error) return answer.error;
    throw new Error(`nothing was thrown by ${body}`);
  }

  #ask(body: (...args: never[]) => unknown, args: unknown[]): Promise<Answer> {
    const id = ++this.#calls;
    return new Promise((resolve) => {
      this.#pending.set(id, resolve);
      this.#child.send({ id, source: String(body), args }, (error) => {
        if (error) resolve({ id, error: { class: error.name, message: error.message } });
      });
    });
  }

  /** Does something while it stands still. */
  whileStopped<R>(act: () => Promise<R>): Promise<R> {
    return whileStopped(this.#child.pid as number, act);
  }

  /** Ends it, as a crash does or by another signal, and waits until it has. */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.ended !== undefined) return;
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill(signal);
    await exited;
  }
}
