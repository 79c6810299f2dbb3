/** Tells the developer what the client must not learn. */

import { UNSAFE, unicodeEscape } from './unsafe-text.js';

/** The number of lines in a burst, and per second after it, because refusals may come by the thousand. */
const BURST = 100;
const PER_SECOND = 10;

let left = BURST;
let countedAt = 0;
let skipped = 0;

/** Writes one line to stderr, in development only. In production there is only the client's answer. */
export function explain(message: string): void {
  if (process.env.NODE_ENV === 'production' || !mayWrite()) return;
  // After a line end, the rest could pass for a line from another source.
  const line = message.replace(UNSAFE, unicodeEscape).replace(/[\n\t]/g, unicodeEscape);
  process.stderr.write(`ssekit: ${line}\n`);
}

/** Whether one more line may be written. If lines were left out before, first writes how many. */
function mayWrite(): boolean {
  const now = performance.now();
  left = Math.min(BURST, left + ((now - countedAt) / 1_000) * PER_SECOND);
  countedAt = now;
  if (left < 1) {
    skipped += 1;
    return false;
  }
  left -= 1;
  if (skipped > 0) process.stderr.write(`ssekit: ${skipped} more lines like these were left out\n`);
  skipped = 0;
  return true;
}
