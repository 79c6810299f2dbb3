/** Lets the fake begin anew, whichever is in place. */
import { standInRecord } from '../server/stand-in.js';

/** Calls `reset` of the fake that is in place, if there is one. */
export function resetFake(): void {
  standInRecord().kit?.reset();
}
