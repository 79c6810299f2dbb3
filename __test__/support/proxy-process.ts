/** A real reverse proxy as a process, with a configuration of the test's own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port';
import { until } from './until';

const running = new Set<ProxyProcess>();

/** Call it in `afterEach` or `afterAll`: ends every proxy that was started. */
export async function stopProxies(): Promise<void> {
  await Promise.all([...running].map((proxy) => proxy.stop()));
}

/** The way to run a proxy. */
export interface ProxyProgram {
  name: string;
  /** The environment variable that names the program. */
  variable: string;
  /** The configuration of a proxy that listens on `port` and writes only into `folder`, so that any user may run it. */
  configuration(folder: string, port: number): string;
  args(folder: string, configurationFile: string): string[];
}

export class ProxyProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #folder: string;
  #log = '';

  private constructor(port: number, child: ChildProcess, folder: string) {
    this.port = port;
    this.#child = child;
    this.#folder = folder;
    child.stderr?.on('data', (text) => {
      this.#log += text;
    });
  }

  static async start({ name, variable, configuration, args }: ProxyProgram): Promise<ProxyProcess> {
    const program = process.env[variable];
    if (!program) throw new Error(`${variable} is not set: run the tests with npm test`);
    const folder = mkdtempSync(join(tmpdir(), `ssekit-${name}-`));
    const port = await freePort();
    const file = join(folder, 'configuration');
    writeFileSync(file, configuration(folder, port));
    // Caddy keeps files of its own in the user's home.
    const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder };
    const child = spawn(program, args(folder, file), { stdio: ['ignore', 'ignore', 'pipe'], env });
    const proxy = new ProxyProcess(port, child, folder);
    running.add(proxy);
    await until(`${name} to listen`, () => {
      if (child.exitCode !== null) throw new Error(`${name} has ended: ${proxy.#log}`);
      return accepts(port);
    });
    return proxy;
  }

  async stop(): Promise<void> {
    running.delete(this);
    if (this.#child.exitCode === null) {
      const exited = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill('SIGTERM');
      await exited;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
