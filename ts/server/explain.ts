/** What a developer should know and the client must not. */

import { UNSAFE, unicodeEscape } from './unsafe-text.js';

/** So many lines may come at once, and so many a second after that: refusals may come by the thousand. */
const BURST = 100;
const PER_SECOND = 10;

let left = BURST;
let countedAt = 0;
let skipped = 0;

/** Writes one line to stderr, in development only: in production the client's answer is all there is. */
export function explain(message: string): void {
  if (process.env.NODE_ENV === 'production' || !mayWrite()) return;
  // A line end in it could pass for a line of somebody else's.
  const line = message.replace(UNSAFE, unicodeEscape).replace(/[\n\t]/g, unicodeEscape);
  process.stderr.write(`ssekit: ${line}\n`);
}

/** Whether there is room for one more line; says first how many there was none for. */
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
