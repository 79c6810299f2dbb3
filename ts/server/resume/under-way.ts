/** The requests for a stream that the framework has, and has not answered. */
import type { ServerResponse } from 'node:http';

/** A request that nobody answers does not count for longer, in milliseconds. */
const PATIENCE_MS = 5_000;

/** The maximum number. Lookups of users may take their time, so this is no small number. */
const MOST = 1_024;

const underWay = new Map<ServerResponse, number>();

export function begin(response: ServerResponse): void {
  underWay.set(response, performance.now());
}

/** Whether the framework may have one more. */
export function hasRoom(): boolean {
  if (underWay.size < MOST) return true;
  const since = performance.now() - PATIENCE_MS;
  for (const [response, from] of underWay) {
    if (response.headersSent || response.destroyed || from < since) underWay.delete(response);
  }
  return underWay.size < MOST;
}
