/** Runs commands and servers with all they print in a log, which is shown only when something fails. */
import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { Failure } from '../lib/run.mjs';

const running = new Set();

// No end of this script may leave a server behind.
process.on('exit', () => {
  for (const child of running) killGroup(child);
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

/** Runs a command to its end. Throws unless it succeeds. Returns what it printed. */
export async function command(log, file, args, options = {}) {
  const { minutes = 5, ...others } = options;
  const server = new Server(log, file, args, others);
  const deadline = setTimeout(() => killGroup(server.child), minutes * 60_000);
  const code = await server.exited;
  clearTimeout(deadline);
  if (code !== 0) throw new Failure(`ended with ${code}: ${[file, ...args].join(' ')}`);
  return server.output;
}

export class Server {
  output = '';
  isRunning = true;

  constructor(log, file, args, { cwd, env = {} }) {
    log.push(`\n$ ${[file, ...args].join(' ')}\n`);
    this.child = spawn(file, args, {
      cwd,
      env: { ...environment(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own, so that it is ended together with all it starts.
      detached: process.platform !== 'win32',
    });
    running.add(this.child);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        log.push(text);
        this.output += text;
      });
    }
    this.exited = new Promise((resolve) => {
      this.child.once('error', (error) => {
        log.push(`${error.message}\n`);
        resolve(127);
      });
      this.child.once('exit', (code, signal) => resolve(code ?? signal));
    }).finally(() => {
      this.isRunning = false;
      running.delete(this.child);
      killGroup(this.child);
    });
  }

  /** Ends it as a process manager does, and waits until it is gone. */
  async stop() {
    if (!this.isRunning) return;
    this.child.kill('SIGTERM');
    const patience = new AbortController();
    await Promise.race([this.exited, delay(10_000, undefined, { signal: patience.signal }).catch(() => {})]);
    patience.abort();
    killGroup(this.child);
    await this.exited;
  }
}

/** Polls until `condition` returns something truthy, and returns that. */
export async function until(what, condition, seconds = 60) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Failure(`not within ${seconds} s: ${what}`);
    await delay(50);
  }
}

/** As in a terminal of the user's own: what npm and jest set for this script is nothing to the apps. */
function environment() {
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_ENV$|JEST_|CI$|INIT_CWD$)/.test(name));
  return { ...Object.fromEntries(own), NEXT_TELEMETRY_DISABLED: '1', NO_COLOR: '1' };
}

function killGroup(child) {
  if (child.pid === undefined) return;
  try {
    if (process.platform === 'win32') child.kill('SIGKILL');
    else process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}
