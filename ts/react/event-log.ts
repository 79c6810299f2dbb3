/** The newest events of a stream, for components that mount, hydrate or are shown again later than they came. */
import type { ClientEvent } from '../client/index.js';
import { isUpTo } from './positions.js';

/** The maximum number of events kept. A component that has missed more fetches its state again. */
const MOST = 500;

/** Events after this place: a count of all events of this page, or a cursor. */
export type Place = number | string;

/** The place before the oldest event that is kept. */
export const EARLIEST = -1;

export class EventLog {
  #events: ClientEvent[] = [];
  /** As many came before those that are kept. */
  #dropped = 0;
  /** The cursor before them. */
  #start: string | undefined;

  /** The place after the newest. */
  get end(): number {
    return this.#dropped + this.#events.length;
  }

  /** The cursor before the oldest that is kept. */
  get start(): string | undefined {
    return this.#start;
  }

  /** A connection begins after this cursor; undefined if only the server knows it so far. */
  begin(cursor: string | undefined): void {
    this.#start = cursor;
  }

  add(event: ClientEvent): void {
    if (event.event === 'ssekit:ready') this.#start ??= event.id;
    this.#events.push(event);
    if (event.event === 'ssekit:reset') this.#drop(this.#events.length);
    else if (this.#events.length > MOST) this.#drop(MOST / 2);
  }

  /** Keeps no event of somebody who is gone. */
  clear(): void {
    this.#drop(this.#events.length);
  }

  /** The events after a place, or undefined if they are no longer known. */
  after(place: Place): ClientEvent[] | undefined {
    if (place === EARLIEST) return [...this.#events];
    if (typeof place === 'number') {
      return place < this.#dropped ? undefined : this.#events.slice(place - this.#dropped);
    }
    if (!isUpTo(this.#start, place)) return undefined;
    // An id that cannot be compared stands after the one before it.
    const first = this.#events.findIndex(({ id }) => isUpTo(id, place) === false);
    return first < 0 ? [] : this.#events.slice(first);
  }

  #drop(count: number): void {
    const last = this.#events.splice(0, count).at(-1);
    this.#dropped += count;
    if (last) this.#start = last.id;
  }
}
