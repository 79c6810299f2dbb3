/** The cluster example as `npm run demo:cluster` runs it, with an app that is built already. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { freePort } from './free-port';
import { until } from './until';

const ROOT = join(__dirname, '..', '..');

const running = new Set<Cluster>();

/** Call it in `afterAll` or `afterEach`. */
export async function stopClusters(): Promise<void> {
  await Promise.all([...running].map((cluster) => cluster.end()));
}

/** The addresses of its parts. */
interface Addresses {
  /** nginx. */
  url: string;
  nodes: Record<'A' | 'B', string>;
  redis: string;
  /** With `--file`: the folder in place of Redis. */
  dir?: string;
  /** The process of each, by its name: `nginx`, `A`, `B`, `worker`, `redis`. */
  pids: Record<string, number>;
}

export class Cluster {
  readonly #child: ChildProcess;
  readonly #closed: Promise<number | string>;
  #hasEnded = false;
  #addresses: Addresses | undefined;
  /** Its output so far. */
  output = '';

  private constructor(app: string, port: number, options: string[]) {
    const settings = { cwd: ROOT, stdio: 'pipe', env: { ...process.env, PORT: String(port) } } as const;
    this.#child = fork(join(ROOT, 'scripts', 'demo-cluster.mjs'), [`--app=${app}`, ...options], settings);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        this.output += text;
      });
    }
    this.#child.once('message', (addresses: Addresses) => {
      this.#addresses = addresses;
    });
    this.#closed = new Promise((resolve) => {
      // Not `close`, which does not come once the two are disconnected.
      this.#child.once('exit', (code, signal) => {
        this.#hasEnded = true;
        running.delete(this);
        resolve(code ?? signal ?? 'nothing');
      });
    });
    running.add(this);
  }

  /** `app`: the folder of the built app. Resolves when pages can be had. */
  static async start(app: string, ...options: '--file'[]): Promise<Cluster> {
    const cluster = new Cluster(app, await freePort(), options);
    await until('the cluster', () => {
      if (cluster.#hasEnded) throw new Error(`the cluster did not start:\n${cluster.output}`);
      return cluster.#addresses;
    });
    return cluster;
  }

  get addresses(): Addresses {
    if (!this.#addresses) throw new Error('it has not started');
    return this.#addresses;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Cuts the channel to its parent, as a parent that dies would. */
  abandon(): void {
    this.#child.disconnect();
  }

  /** Its exit code, or the signal that ended it. */
  ended(): Promise<number | string> {
    return this.#closed;
  }

  async end(): Promise<void> {
    if (!this.#hasEnded) this.signal('SIGTERM');
    await this.#closed;
  }
}
