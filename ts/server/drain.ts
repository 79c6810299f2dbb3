/** The graceful end, on request and when the process gets a signal to end. */
import { constants } from 'node:os';
import { isMainThread } from 'node:worker_threads';

import type { DrainOptions } from '../../index';
import { inBackground } from './background.js';
import { native } from './binding.js';
import { openStreams } from './open-streams.js';

/** The maximum time in which nothing of the last bytes leaves Node, in milliseconds. */
const PASSING_MS = 1_000;

/** The maximum time that they may take in all: supervisors wait for 30 seconds, and some for less. */
const MOST_PASSING_MS = 10_000;

export async function drain(options: DrainOptions = {}): Promise<void> {
  await new Promise<void>((resolve) => native().drain(options, resolve));
  await lastBytes();
}

/** Waits until Node has no stream any more, or nobody reads what is left. */
async function lastBytes(): Promise<void> {
  const streams = openStreams();
  const over = performance.now() + MOST_PASSING_MS;
  for (let passed = -1; streams.size > 0 && streams.passed !== passed && performance.now() < over; ) {
    passed = streams.passed;
    await Promise.race([streams.none(), new Promise<void>((resolve) => inBackground(PASSING_MS, resolve))]);
  }
}

/** Ctrl-C and PM2 send SIGINT. */
const SIGNALS: NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];

/** One listener for all copies of this package. The number is the version of the data that they share. */
const KEY = Symbol.for('ssekit.sigterm.1');

const shared = globalThis as { [KEY]?: true };

/**
 * `isEnding`: the process got a signal, and ends when its clients are gone. `isUrgent`: it got a second signal, and ends at
 * once.
 */
let isEnding = false;
let isUrgent = false;

/** From now on the process has clients, so its end must wait for them. Worker threads get no signals. */
export function watchSigterm(): void {
  if (shared[KEY] || !isMainThread) return;
  if (!native().onSigterm().drains) return;
  shared[KEY] = true;
  // Goes first, because another listener may call `process.exit` immediately.
  for (const signal of SIGNALS) process.prependListener(signal, onSignal);
}

function onSignal(signal: NodeJS.Signals): void {
  // If there is no other listener, the process would have ended here without ours.
  const isAlone = process.listenerCount(signal) === 1;
  if (isEnding) {
    isUrgent = true;
    if (isAlone) endBy(signal);
    return;
  }
  isEnding = true;
  void drain().then(() => {
    if (isAlone) endBy(signal);
  });
  // Another listener, such as that of Next.js, calls `process.exit` when its own part is done.
  process.once('exit', (code) => {
    if (!isUrgent && waitForDrain() && code === codeOf(signal)) process.exitCode = 0;
  });
}

/**
 * Blocks this thread, which has nothing else left to do, while native threads continue. Returns whether all clients are gone.
 */
function waitForDrain(): boolean {
  // Listeners are no longer called, so without them a signal now ends the process by its default action.
  for (const signal of SIGNALS) process.removeAllListeners(signal);
  return native().waitForDrain(native().onSigterm().windowMs + PASSING_MS);
}

/** Ends the process as the signal does by default. The first process of a container must do that by itself. */
function endBy(signal: NodeJS.Signals): void {
  if (process.pid === 1) process.exit(codeOf(signal));
  for (const other of SIGNALS) process.off(other, onSignal);
  process.kill(process.pid, signal);
}

/**
 * The exit code of a process that this signal has ended, by the rule of shells. Next.js 16.4 uses it as well. It becomes 0 if
 * all clients were told and are gone, because to a supervisor that is no failure.
 */
function codeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
