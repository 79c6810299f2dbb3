/** The end of a test file: the process, and the real hub with it, may go on with the next. */
import { clearListeners } from '../server/listeners.js';
import { openStreams } from '../server/open-streams.js';
import { closePulled } from '../server/pulled.js';
import { standInRecord } from '../server/stand-in.js';

/** Ends the listeners and clients of this file. `ssekit/testing/jest` and `ssekit/testing/vitest` call it. */
export function endOfFile(): void {
  openStreams().close();
  closePulled();
  standInRecord().kit?.reset();
  clearListeners();
}
