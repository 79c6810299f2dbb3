/** The requests for a stream that the framework has, and has not answered. */
import type { ServerResponse } from 'node:http';

/** A request that nobody answers does not count for longer, in milliseconds. */
const PATIENCE_MS = 5_000;

/** The maximum number. Lookups of users may take their time, so this is no small number. */
const MOST = 1_024;

/** With the time at which they began, the oldest first. Weak: whatever is over is looked at only when another one comes. */
const underWay = new Map<WeakRef<ServerResponse>, number>();

export function begin(response: ServerResponse): void {
  // Usually they are over in the order in which they came, so this keeps only those that are under way.
  forget(2);
  underWay.set(new WeakRef(response), performance.now());
}

/** Whether the framework may have one more. */
export function hasRoom(): boolean {
  if (underWay.size >= MOST) forget(MOST);
  return underWay.size < MOST;
}

/** Looks at the oldest ones, and forgets those that are over. */
function forget(count: number): void {
  const since = performance.now() - PATIENCE_MS;
  let left = count;
  for (const [reference, from] of underWay) {
    if (left === 0) return;
    left -= 1;
    const response = reference.deref();
    if (!response || response.headersSent || response.destroyed || from < since) underWay.delete(reference);
  }
}
