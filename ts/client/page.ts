/** The life cycle of the page: it is hidden, frozen, kept for the back button, offline, and comes back. Its end is the caller's `signal`. */
import type { Connection } from './connection.js';

/** Where there is no page, nothing ever happens. `closing`: aborted once the connection is closed. */
export function followPage(
  { close, pause, open, online, wake }: Connection,
  signal: AbortSignal | undefined,
  closing: AbortSignal,
): void {
  const page = { pagehide: pause, freeze: pause, pageshow: open, resume: open, online, visibilitychange: wake };
  // On their way down, because `freeze` and `resume` of a document do not come up to its window.
  const listening = { signal: closing, capture: true };
  for (const [name, act] of Object.entries(page)) globalThis.addEventListener?.(name, act, listening);
  signal?.addEventListener('abort', close, listening);
  if (signal?.aborted) close();
}
