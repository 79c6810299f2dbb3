/**
 * A real server in its own process, so that each has its own hub and options. A test controls
 * it over Node's IPC channel.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { SSEOptions, SSEService } from '../../index';

export interface ServerOptions {
  /** Default: `http`. `https` is TLS in Node, `http2` is HTTP/2 over TLS. */
  protocol?: 'http' | 'https' | 'http2';
  /** Default: `node`, plain `node:http`. */
  framework?: 'node' | 'express' | 'fastify';
  /** For `SSEService.configure`. */
  configure?: SSEOptions;
  /** Its address. Default: 127.0.0.1, at a port that the system chooses. */
  listen?: { host: string } | { path: string };
  /** The number of descriptors that it may have open. */
  descriptors?: number;
  /** Node's own options, `--expose-gc` for instance. */
  execArgv?: string[];
}

type Method = Exclude<keyof SSEService, 'connect' | 'on' | 'off'>;
type Result<M extends Method> = Awaited<ReturnType<SSEService[M]>>;

/** The notices that a server got about its clients. */
export type Notice = { type: string; clientId?: string; userId?: string | null; reason?: string; message?: string };

/** The resources of a server's process. */
export interface Resources {
  /** Connections that Node's server counts. */
  connections: number;
  /** Sockets that keep Node's event loop busy. */
  sockets: number;
  /** Open descriptors. */
  descriptors: number;
  rss: number;
  heapUsed: number;
}

const running = new Set<TestServer>();

/** Call it in `afterAll` or `afterEach`: ends every server that was started. */
export async function stopServers(): Promise<void> {
  await Promise.all([...running].map((server) => server.stop()));
}

/** Only a shell can lower a limit, and then becomes Node. */
function limited(descriptors: number | undefined): { execPath?: string; execArgv?: string[] } {
  if (descriptors === undefined) return {};
  return { execPath: '/bin/sh', execArgv: ['-c', `ulimit -n ${descriptors}; exec "$0" "$@"`, process.execPath] };
}

export class TestServer {
  readonly port: number;
  readonly #child: ChildProcess;
  #calls = 0;
  /** Its standard error: empty if all is well. */
  stderr = '';

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(options: ServerOptions = {}): Promise<TestServer> {
    const script = join(__dirname, 'server-main.cjs');
    const settings = { stdio: 'pipe', execArgv: options.execArgv ?? [] } as const;
    const child = fork(script, [JSON.stringify(options)], { ...settings, ...limited(options.descriptors) });
    let stderr = '';
    child.stderr?.on('data', (text) => {
      stderr += text;
    });
    const port = await new Promise<number>((resolve, reject) => {
      child.once('message', (message: { port: number }) => resolve(message.port));
      child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${stderr}`)));
    });
    const server = new TestServer(child, port);
    server.stderr = stderr;
    child.stderr?.on('data', (text) => {
      server.stderr += text;
    });
    running.add(server);
    return server;
  }

  /** Calls a method of the server's `SSEService`. Its errors are thrown here, with their name and code. */
  call<M extends Method>(method: M, ...args: Parameters<SSEService[M]>): Promise<Result<M>> {
    return this.#ask<Result<M>>(method, args);
  }

  /** The same call many times over, with `{i}` in the arguments' JSON replaced by the number of the call. */
  repeat<M extends Method>(times: number, method: M, ...args: Parameters<SSEService[M]>): Promise<void> {
    return this.#ask('repeat', [times, method, JSON.stringify(args)]);
  }

  /** Everything its listeners have been told so far. */
  notices(): Promise<Notice[]> {
    return this.#ask('notices', []);
  }

  /** The current resources of the process. It collects garbage first, if it was started with `--expose-gc`. */
  resources(): Promise<Resources> {
    return this.#ask('resources', []);
  }

  /** The number of requests of `/sse?wait` that wait for `release`. */
  waiting(): Promise<number> {
    return this.#ask('waiting', []);
  }

  /** Lets the handlers of `/sse?wait` go on. */
  release(): Promise<void> {
    return this.#ask('release', []);
  }

  /** Lets the responses of `/sse?middleware=cork` go. */
  uncork(): Promise<void> {
    return this.#ask('uncork', []);
  }

  /** Closes what `/sse?middleware=exhaust` has opened. */
  giveDescriptorsBack(): Promise<void> {
    return this.#ask('giveDescriptorsBack', []);
  }

  /** Node's `server.close()`; resolves when that calls back. */
  close(): Promise<void> {
    return this.#ask('close', []);
  }

  #ask<T>(method: string, args: unknown[]): Promise<T> {
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      const gone = (): void => reject(new Error(`the server has ended: ${this.stderr}`));
      const listen = (answer: {
        id: number;
        result: T;
        error?: { name: string; message: string; code?: string };
      }): void => {
        if (answer.id !== id) return;
        this.#child.off('message', listen);
        this.#child.off('exit', gone);
        if (answer.error) reject(Object.assign(new Error(answer.error.message), answer.error));
        else resolve(answer.result);
      };
      this.#child.on('message', listen);
      this.#child.once('exit', gone);
      this.#child.send({ id, method, args });
    });
  }

  /** Ends it, and waits until it has. */
  async stop(): Promise<void> {
    running.delete(this);
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await exited;
  }
}
