/** Waits for room in Node's response. */

import { inBackground } from '../server/background.js';
import type { AnyResponse } from '../server/exchange.js';

/** The maximum wait when `write` reports a full response that is not full: a middleware may never report more. */
const UNTOLD_DRAIN_MS = 1_000;

/** Resolves when the response wants more; undefined if it wants more now. `written` is what `write` returned. */
export function drained(res: AnyResponse, written: unknown): Promise<void> | undefined {
  // The result of `write` may come from a middleware, which often returns nothing.
  const isFull = needsDrain(res);
  if (!isFull && written !== false) return undefined;
  return new Promise((resolve) => {
    const timer = isFull ? undefined : inBackground(UNTOLD_DRAIN_MS, done);
    function done(): void {
      clearTimeout(timer);
      res.off('drain', done);
      res.off('close', done);
      resolve();
    }
    res.once('drain', done);
    res.once('close', done);
  });
}

function needsDrain(res: AnyResponse): boolean {
  return 'stream' in res ? !res.stream.destroyed && res.stream.writableNeedDrain : res.writableNeedDrain;
}
