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

/** The exit code of who was ended by SIGTERM, by a shell's rule. Next.js 16.4 takes it. */
const KILLED = 128 + constants.signals.SIGTERM;

/** One listener for all copies of this package; the number is the version of what they have to agree on. */
const KEY = Symbol.for('ssekit.sigterm.1');

const shared = globalThis as { [KEY]?: true };

/** From here on the process has clients, so that SIGTERM has to wait for them. In worker threads there are no signals. */
export function watchSigterm(): void {
  if (shared[KEY] || !isMainThread) return;
  shared[KEY] = true;
  if (native().onSigterm().drains) process.once('SIGTERM', onSigterm);
}

function onSigterm(): void {
  // Without this listener, the process would have ended here, unless somebody else has one.
  const isAlone = process.listenerCount('SIGTERM') === 0;
  const done = drain();
  if (isAlone) done.then(() => process.kill(process.pid, 'SIGTERM'));
  // Whoever else has one, Next.js for instance, calls `process.exit` when it has done its own part. Native threads go on with
  // theirs while this one waits; there is nothing else left for it to do.
  process.once('exit', (code) => {
    const isOver = native().waitForDrain(native().onSigterm().windowMs + PASSING_MS);
    // Everybody was told, and has gone: to a supervisor that is no failure.
    if (isOver && code === KILLED) process.exitCode = 0;
  });
}
