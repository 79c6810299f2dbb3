/**
 * Takes work in turns. Node emits all requests that have come before it does anything else, so thousands of pages that come back at once would
 * hold its event loop until the last of them is served. With a line, a few are served in each turn of the loop, and other requests in
 * between.
 *
 * Node accepts one connection per turn, so a turn must be short while connections come. Otherwise, they wait in the kernel, which has room
 * for a few hundred: it lets the others try again seconds later, and resets those that wait for more than seven seconds.
 */
import { setImmediate, setTimeout } from 'node:timers';

/** The pause before the next look if nobody may go on, in milliseconds. */
const PAUSE_MS = 2;

export type Place = 'now' | 'waits' | 'full';

export interface LineOptions {
  /** The maximum number that goes on in one turn. */
  perTurn: number;
  /** The maximum number that waits. */
  most: number;
  /** Whether one more may go on. */
  mayGoOn?: () => boolean;
  /** The maximum number of turns that those who wait let pass while others arrive. Default: none. */
  arrivalsFirst?: number;
}

export class Line {
  readonly #options: LineOptions;
  readonly #waiting: (() => void)[] = [];
  /** The number of those at the front that have gone on. */
  #gone = 0;
  #taken = 0;
  #isScheduled = false;
  /** Whether somebody has arrived in this turn, and in the turn before. */
  #hasArrival = false;
  #hadArrival = false;
  /** The number of turns that were left to arrivals since somebody went on. */
  #leftToArrivals = 0;

  constructor(options: LineOptions) {
    this.#options = options;
  }

  /** Returns `now` if the caller may do its work at once. If it `waits`, `work` is called in its turn. */
  enter(work: () => void): Place {
    const isAlone = !this.#hasArrival && !this.#hadArrival;
    this.#hasArrival = this.#arrivalsFirst > 0;
    if (this.#length === 0 && this.#isFree && isAlone) {
      this.#taken += 1;
      this.#schedule(true);
      return 'now';
    }
    if (this.#length >= this.#options.most) return 'full';
    this.#waiting.push(work);
    this.#schedule(true);
    return 'waits';
  }

  get #length(): number {
    return this.#waiting.length - this.#gone;
  }

  get #arrivalsFirst(): number {
    return this.#options.arrivalsFirst ?? 0;
  }

  get #isFree(): boolean {
    const { perTurn, mayGoOn } = this.#options;
    return this.#taken < perTurn && (mayGoOn === undefined || mayGoOn());
  }

  #schedule(isSoon: boolean): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    if (isSoon) setImmediate(() => this.#turn());
    else setTimeout(() => this.#turn(), PAUSE_MS);
  }

  #turn(): void {
    this.#isScheduled = false;
    this.#taken = 0;
    this.#hadArrival = this.#hasArrival;
    this.#hasArrival = false;
    if (this.#hadArrival && this.#leftToArrivals < this.#arrivalsFirst) this.#leftToArrivals += 1;
    else this.#serve();
    const soon = this.#taken > 0 || this.#hadArrival;
    // Also if nobody waits any more: the next turn begins to count anew.
    if (this.#length > 0 || soon) this.#schedule(soon);
  }

  #serve(): void {
    this.#leftToArrivals = 0;
    while (this.#length > 0 && this.#isFree) {
      this.#taken += 1;
      const work = this.#waiting[this.#gone];
      this.#gone += 1;
      try {
        work?.();
      } catch (error) {
        // The application's own error. It must not hold up the others.
        void Promise.reject(error);
      }
    }
    if (this.#length > 0 && this.#gone < 1_024) return;
    this.#waiting.splice(0, this.#gone);
    this.#gone = 0;
  }
}
