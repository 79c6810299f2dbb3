/** The graceful end, when it is asked for and when the process is told to end. */
import { constants } from 'node:os';
import { isMainThread } from 'node:worker_threads';

import type { DrainOptions } from '../../index';
import { native } from './binding.js';
import { openStreams } from './open-streams.js';
import { checkDrain } from './options.js';

/** What is left of a stream through Node has to pass Node's own buffers. */
const PASSING_MS = 1_000;

export async function drain(options?: DrainOptions): Promise<void> {
  const checked = checkDrain(options);
  await new Promise<void>((resolve) => native().drain(checked, resolve));
  await Promise.race([openStreams().none(), new Promise((resolve) => setTimeout(resolve, PASSING_MS).unref())]);
}

/** SIGINT is what Ctrl-C sends, and PM2. */
const SIGNALS: NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];

/** One listener for all copies of this package; the number is the version of what they have to agree on. */
const KEY = Symbol.for('ssekit.sigterm.1');

const shared = globalThis as { [KEY]?: true };

/** The process was told to end, and does so once its clients are gone; at once if it is told again. */
let isEnding = false;
let isUrgent = false;

/** From here on the process has clients, so that its end has to wait for them. In worker threads there are no signals. */
export function watchSigterm(): void {
  if (shared[KEY] || !isMainThread) return;
  shared[KEY] = true;
  if (!native().onSigterm().drains) return;
  // First: another listener may call `process.exit` on the spot.
  for (const signal of SIGNALS) process.prependListener(signal, onSignal);
}

function onSignal(signal: NodeJS.Signals): void {
  // Without this listener, the process would have ended here, unless somebody else has one.
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
  // Whoever else has one, Next.js for instance, calls `process.exit` when it has done its own part.
  process.once('exit', (code) => {
    if (!isUrgent && waitForDrain() && code === codeOf(signal)) process.exitCode = 0;
  });
}

/** Native threads go on while this one waits; there is nothing else left for it to do. Says whether all clients are gone. */
function waitForDrain(): boolean {
  // No listener is called any more, so a signal now ends the process, by its default action.
  for (const signal of SIGNALS) process.removeAllListeners(signal);
  return native().waitForDrain(native().onSigterm().windowMs + PASSING_MS);
}

/** Ends the process as the signal does by default, which the first process of a container has to do by itself. */
function endBy(signal: NodeJS.Signals): void {
  if (process.pid === 1) process.exit(codeOf(signal));
  for (const other of SIGNALS) process.off(other, onSignal);
  process.kill(process.pid, signal);
}

/**
 * The exit code of a process that this signal has ended, by a shell's rule. Next.js 16.4 takes it as well. When everybody was told
 * and has gone it becomes 0: to a supervisor that is no failure.
 */
function codeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
