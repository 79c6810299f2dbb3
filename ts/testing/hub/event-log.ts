/** The events of one audience, the oldest first. */
import type { Position } from './epoch.js';

/** An event, checked. */
export interface Event {
  /** Empty means `message`. */
  name: string;
  /** JSON. */
  data: string;
  id?: string | undefined;
  retry?: number | undefined;
  coalesceKey?: string | undefined;
}

/** An event in its place. */
export interface Entry {
  position: Position;
  event: Event;
  /** Its id on the wire. */
  id: string;
  exclude: string | undefined;
  /** When it was sent, by the hub's clock. */
  at: number;
  bytes: number;
}

export interface LogBounds {
  maxEvents: number;
  maxBytes: number;
}

export class EventLog {
  entries: Entry[] = [];
  /** Position of the newest event that it ever had. */
  last: Position = 0;
  bytes = 0;

  /** Events up to `floor` may be missing. */
  constructor(
    public floor: Position = 0,
    readonly bounds?: LogBounds,
  ) {}

  /** Adds an event, and drops what is beyond the bounds. Returns whether it took the place of an older one. */
  append(entry: Entry, usual: LogBounds): boolean {
    const superseded = this.#supersede(entry);
    this.entries.push(entry);
    this.bytes += entry.bytes;
    this.last = entry.position;
    const { maxEvents, maxBytes } = this.bounds ?? usual;
    while (this.entries.length > maxEvents || (this.bytes > maxBytes && this.entries.length > 1)) this.evict();
    return superseded;
  }

  /** The floor stays, because the newer event is still there. */
  #supersede({ event: { coalesceKey }, exclude }: Entry): boolean {
    if (coalesceKey === undefined) return false;
    const older = this.entries.find((entry) => entry.event.coalesceKey === coalesceKey && entry.exclude === exclude);
    if (!older) return false;
    this.entries = this.entries.filter((entry) => entry !== older);
    this.bytes -= older.bytes;
    return true;
  }

  /** Drops the oldest event. */
  evict(): void {
    const oldest = this.entries.shift();
    if (!oldest) return;
    this.floor = oldest.position;
    this.bytes -= oldest.bytes;
  }

  clear(): void {
    while (this.entries.length > 0) this.evict();
  }

  /** The events after one position and up to another; undefined if some of them are missing. */
  between(after: Position, upTo: Position): Entry[] | undefined {
    if (after >= upTo) return [];
    if (this.floor > after) return undefined;
    return this.entries.filter(({ position }) => position > after && position <= upTo);
  }

  /** The first event with this id of the application's own. */
  find(id: string, after: Position): Position | undefined {
    return this.entries.find((entry) => entry.event.id === id && entry.position > after)?.position;
  }
}
