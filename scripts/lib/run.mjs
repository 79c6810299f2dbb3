/** Runs other programs: nothing is swallowed, nothing waits for ever, and nothing is left running. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { root } from './paths.mjs';

/** A failure that its message explains in full, so that no stack trace is shown. */
export class Failure extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Runs a script's task, which may return an exit code, and ends with one clear message if it fails. */
export async function main(task) {
  try {
    process.exitCode = (await task()) ?? 0;
  } catch (error) {
    console.error(error instanceof Failure ? `\n${error.message}` : error);
    process.exitCode = error.exitCode ?? 1;
  }
}

/** Runs a command to its end and returns what it printed, if that was asked for. Throws a `Failure` unless it succeeds. */
export async function run(command, args, options) {
  const { exitCode, stdout } = await finish(command, args, options);
  if (exitCode !== 0) throw new Failure(`Failed with exit code ${exitCode}: ${[command, ...args].join(' ')}`, exitCode);
  return stdout;
}

/**
 * Runs a command to its end and returns `{ exitCode, stdout }`.
 *
 * - `cwd`: the root of the checkout unless told otherwise.
 * - `env`: variables on top of this process's.
 * - `stdout`: `'show'` it, `'capture'` it, or `'both'`.
 * - `minutes`: how long the command may take; then it is ended, with all that it started.
 * - `server`: it may run for ever, and being ended by a signal is nothing out of the ordinary.
 * - `shell`: the command is a script that only a shell can start (npm on Windows).
 */
export async function finish(command, args, options = {}) {
  const { cwd = root, env = {}, stdout = 'show', minutes = 20, server = false, shell = false } = options;
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', stdout === 'show' ? 'inherit' : 'pipe', 'inherit'],
    // A process group of its own, so that whatever the command started can be ended together with it.
    detached: process.platform !== 'win32',
    shell,
  });
  const chunks = [];
  child.stdout?.on('data', (chunk) => {
    chunks.push(chunk);
    if (stdout === 'both') process.stdout.write(chunk);
  });
  const closed = new Promise((resolve) => child.once('close', resolve));

  // The price of that group: Ctrl-C in the terminal no longer reaches the command by itself.
  let interruptedBy;
  const forward = (signal) => {
    interruptedBy = signal;
    signalGroup(child, signal);
  };
  for (const signal of SIGNALS) process.on(signal, forward);
  const orphaned = whenOrphaned(() => forward('SIGTERM'));

  let late = false;
  const deadline = server
    ? undefined
    : setTimeout(() => {
        late = true;
        signalGroup(child, 'SIGKILL');
      }, minutes * 60_000);

  try {
    const exitCode = await exited(child, command);
    signalGroup(child, 'SIGKILL');
    // A process that left the group may still hold the pipe: nothing waits for it.
    await Promise.race([closed, delay(2_000, undefined, { ref: false })]);
    child.stdout?.destroy();
    if (late) console.error(`\nEnded because it took more than ${minutes} minutes: ${[command, ...args].join(' ')}`);
    if (interruptedBy && !server) process.exit(128 + constants.signals[interruptedBy]);
    return { exitCode, stdout: Buffer.concat(chunks).toString() };
  } finally {
    clearTimeout(deadline);
    clearInterval(orphaned);
    for (const signal of SIGNALS) process.off(signal, forward);
  }
}

/** The signals that end a command. */
export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Calls back when the shell between npm and this script is gone: npm sends that shell the signals that it gets itself, and
 * a shell dies of them without passing them on.
 */
export function whenOrphaned(callback) {
  if (!process.env.npm_lifecycle_event) return;
  const timer = setInterval(() => {
    if (process.ppid === PARENT) return;
    clearInterval(timer);
    callback();
  }, 500);
  return timer;
}

const PARENT = process.ppid;

/** The exit code of a command that has ended, by a shell's rule where a signal ended it. */
function exited(child, command) {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Failure(`Cannot start ${command}: ${error.message}`)));
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}

/** Signals a command and all that it started, if any of it is still there. */
export function signalGroup(child, signal) {
  try {
    if (process.platform === 'win32') child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // It is gone already.
  }
}
