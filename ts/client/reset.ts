/** The recovery after missed events: the page fetches its state again. */
import { backoff } from './backoff.js';
import type { Emitter } from './emitter.js';
import { causedBy, SSEClientError } from './error.js';
import type { Reset } from './events.js';
import { pause } from './timer.js';

/** Calls each handler of `reset` among `notices` until it has succeeded, or is no longer there. */
export async function refetch(
  events: Emitter,
  notices: Emitter,
  reset: Reset,
  signal: AbortSignal,
  report: (error: SSEClientError) => void,
): Promise<void> {
  const handlers = notices.of('reset');
  if (!handlers.size && !events.of('ssekit:reset').size) {
    report(new SSEClientError('reset', 'Events were missed: fetch the state in `onReset`'));
  }
  for (const handler of [...handlers]) {
    for (let failures = 0; handlers.has(handler) && !signal.aborted; failures += 1) {
      try {
        await handler(reset);
        break;
      } catch (cause) {
        report(causedBy('reset', 'onReset failed', cause));
        await pause(backoff(failures), signal);
      }
    }
  }
}
