/** A real Redis of a test's own, which can be killed, stopped and started anew. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port';
import { type Address, command, type Reply } from './resp';
import { until } from './until';

const { certificate }: { certificate(): { cert: Buffer; key: Buffer } } = require('./certificate.cjs');

export interface RedisOptions {
  /** Everything is on disk before it is answered for. Default: nothing ever is. */
  appendonly?: boolean;
  requirepass?: string;
  /** As in its configuration: `1mb`. Redis refuses writes beyond it (`noeviction`), unless `config` says otherwise. */
  maxmemory?: string;
  /** TLS alone, with a certificate that is made for it: `redis.ca`. */
  tls?: boolean;
  /** More of its configuration. */
  config?: Record<string, string>;
}

const running = new Set<Redis>();

/** Call it in `afterEach` or `afterAll`: ends every Redis and removes its files. */
export async function stopRedis(): Promise<void> {
  await Promise.all([...running].map((redis) => redis.stop()));
}

/** Starts Redis and reports its process id; ends it when the process at the other end of stdin is gone. */
const GUARD = `
  const { spawn } = require('node:child_process');
  const child = spawn(process.argv[1], process.argv.slice(2), { stdio: ['ignore', 'inherit', 'inherit'] });
  process.send(child.pid);
  process.disconnect();
  child.on('exit', () => process.exit());
  process.stdin.resume().on('close', () => child.kill('SIGKILL'));
`;

export class Redis {
  readonly port: number;
  /** The authority of its certificate, with `tls`. */
  readonly ca: Buffer | undefined;
  readonly #folder: string;
  readonly #options: RedisOptions;
  #guard: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();
  #hasEnded = true;
  #pid = 0;
  #output = '';

  private constructor(port: number, folder: string, options: RedisOptions, ca: Buffer | undefined) {
    this.port = port;
    this.#folder = folder;
    this.#options = options;
    this.ca = ca;
    running.add(this);
  }

  /** Starts one on a free port, with files in a temporary folder, and waits until it answers. */
  static async start(options: RedisOptions = {}): Promise<Redis> {
    const folder = mkdtempSync(join(tmpdir(), 'ssekit-redis-'));
    const pair = options.tls ? certificate() : undefined;
    for (const [name, pem] of Object.entries(pair ?? {})) writeFileSync(join(folder, `${name}.pem`), pem);
    const redis = new Redis(await freePort(), folder, options, pair?.cert);
    writeFileSync(redis.#path('redis.conf'), redis.#configuration());
    await redis.#run();
    return redis;
  }

  /** `redis://…`, with TLS `rediss://…`. */
  get url(): string {
    const { tls, requirepass } = this.#options;
    const password = requirepass === undefined ? '' : `:${encodeURIComponent(requirepass)}@`;
    return `${tls ? 'rediss' : 'redis'}://${password}127.0.0.1:${this.port}`;
  }

  /** The process id of the server itself. It changes with each restart. */
  get pid(): number {
    return this.#pid;
  }

  /** Sends a command on its own connection and resolves with the reply. An error reply rejects. */
  command(...args: string[]): Promise<Reply> {
    return command(this.#address, ...args);
  }

  /** Ends it, by default as a crash does, and waits until it has. Its files stay. */
  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    try {
      if (!this.#hasEnded) process.kill(this.#pid, signal);
    } catch {
      // It has ended just now.
    }
    await this.#ended;
  }

  /** Its process stands still: connections stay, and nothing is answered. */
  pause(): void {
    process.kill(this.#pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.#pid, 'SIGCONT');
  }

  /**
   * Starts it anew on the same port, after a crash if it still runs, and waits until it answers. It finds what it has written to
   * disk: with `appendonly` everything, else nothing; with `empty` nothing in any case.
   */
  async restart({ empty = false } = {}): Promise<void> {
    await this.kill();
    if (empty) {
      const data = readdirSync(this.#folder).filter((name) => /^appendonly|\.rdb$/.test(name));
      for (const name of data) rmSync(this.#path(name), { recursive: true });
    }
    await this.#run();
  }

  /** Does to it what the end of this process would. */
  abandon(): void {
    this.#guard?.stdin?.destroy();
  }

  /** Ends it and removes its files. */
  async stop(): Promise<void> {
    running.delete(this);
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #address(): Address {
    return { port: this.port, password: this.#options.requirepass, ca: this.ca };
  }

  async #run(): Promise<void> {
    this.#output = '';
    const args = ['-e', GUARD, '--', program(), this.#path('redis.conf')];
    const guard = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe', 'ipc'], detached: true });
    this.#guard = guard;
    this.#hasEnded = false;
    for (const stream of [guard.stdout, guard.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        this.#output += text;
      });
    }
    this.#ended = new Promise((resolve) => guard.once('close', resolve)).then(() => {
      this.#hasEnded = true;
    });
    this.#pid = await Promise.race([
      new Promise<number>((resolve) => guard.once('message', resolve as (pid: unknown) => void)),
      this.#ended.then(() => 0),
    ]);
    await until('Redis to answer', () => {
      if (this.#hasEnded) throw new Error(`Redis did not start:\n${this.#output}`);
      // It is not there yet, or still reading its files.
      return this.command('PING').catch(() => undefined);
    });
  }

  #configuration(): string {
    const { appendonly, requirepass, maxmemory, tls, config } = this.#options;
    const lines = {
      bind: '127.0.0.1',
      ...(tls
        ? { port: '0', 'tls-port': String(this.port), 'tls-auth-clients': 'no', ...this.#tlsFiles() }
        : { port: String(this.port) }),
      dir: quoted(this.#folder),
      save: '""',
      appendonly: appendonly ? 'yes' : 'no',
      appendfsync: 'always',
      ...(requirepass !== undefined && { requirepass: quoted(requirepass) }),
      ...(maxmemory !== undefined && { maxmemory, 'maxmemory-policy': 'noeviction' }),
      ...config,
    };
    return Object.entries(lines)
      .map(([name, value]) => `${name} ${value}\n`)
      .join('');
  }

  #tlsFiles(): Record<string, string> {
    return {
      'tls-cert-file': quoted(this.#path('cert.pem')),
      'tls-key-file': quoted(this.#path('key.pem')),
      'tls-ca-cert-file': quoted(this.#path('cert.pem')),
    };
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}

function quoted(text: string): string {
  return `"${text.replaceAll(/[\\"]/g, '\\$&')}"`;
}

/** `npm test` tells; otherwise it is found the same way. */
let found: string | undefined;
function program(): string {
  if (process.env.REDIS_PATH) return process.env.REDIS_PATH;
  const find = `
    import { ensureTools } from './scripts/lib/system-tools.mjs';
    console.log('\\n' + (await ensureTools('redis')).redis);`;
  const options = { cwd: join(__dirname, '..', '..'), encoding: 'utf8' as const };
  found ??= execFileSync(process.execPath, ['--input-type=module', '-e', find], options).trim().split('\n').at(-1);
  return found as string;
}
