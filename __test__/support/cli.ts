/** Runs `ssekit` as npx does: the built package, in its own process. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import { until } from './until';

const ROOT = join(__dirname, '..', '..');
const CLI = join(ROOT, 'dist', 'cli', 'index.js');

export interface CliOptions {
  cwd?: string;
  env?: Record<string, string>;
}

export interface CliResult {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

const running = new Set<Cli>();

/** Call it in `afterEach`: ends what is still running. */
export async function stopClis(): Promise<void> {
  await Promise.all([...running].map((cli) => cli.stop('SIGKILL')));
}

export class Cli {
  stdout = '';
  stderr = '';
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<CliResult>;

  constructor(args: string[], { cwd, env }: CliOptions = {}) {
    // Variables that jest sets for tests, or a terminal for its programs, are not for this one.
    const { NODE_ENV: _, JEST_WORKER_ID: __, FORCE_COLOR: ___, NO_COLOR: ____, ...inherited } = process.env;
    this.child = spawn(process.execPath, [CLI, ...args], { cwd: cwd ?? __dirname, env: { ...inherited, ...env } });
    this.child.stdout.setEncoding('utf8').on('data', (text) => {
      this.stdout += text;
    });
    this.child.stderr.setEncoding('utf8').on('data', (text) => {
      this.stderr += text;
    });
    running.add(this);
    this.ended = new Promise((resolve) => {
      this.child.once('close', (exitCode) => {
        running.delete(this);
        resolve({ exitCode, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  /** Waits until it has printed something. */
  async printed(what: string | RegExp, where: 'stdout' | 'stderr' = 'stdout'): Promise<void> {
    await until(`${what} in ${where}`, () =>
      typeof what === 'string' ? this[where].includes(what) : what.test(this[where]),
    );
  }

  async stop(signal: NodeJS.Signals): Promise<CliResult> {
    this.child.kill(signal);
    return this.ended;
  }
}

/** Runs it to its end. */
export function runCli(args: string[], options?: CliOptions): Promise<CliResult> {
  return new Cli(args, options).ended;
}
