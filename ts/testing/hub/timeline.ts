/** The one sequence of a hub: it gives each event its position, and bounds what is kept. */
import type { Clock } from './clock.js';
import { Epoch, type Position } from './epoch.js';
import { type Entry, type Event, EventLog } from './event-log.js';
import { sizeOf } from './frame.js';
import type { Settings } from './settings.js';

export class Timeline {
  readonly epoch = new Epoch();
  readonly broadcasts = new EventLog();
  head: Position = 0;
  published = 0;
  coalesced = 0;
  readonly #logs = new Set([this.broadcasts]);

  constructor(
    readonly settings: Settings,
    readonly clock: Clock,
  ) {}

  /** Puts an event into a log. */
  publish(log: EventLog, event: Event, exclude?: string): Position {
    this.head += 1;
    this.#store(log, event, event.id ?? this.epoch.id(this.head), exclude);
    this.published += 1;
    return this.head;
  }

  /** Puts a copy of an earlier event into a log, at a position of its own. */
  copy(log: EventLog, event: Event): void {
    this.publish(log, { ...event, coalesceKey: undefined });
  }

  #store(log: EventLog, event: Event, id: string, exclude: string | undefined): void {
    const entry: Entry = { position: this.head, event, id, exclude, at: this.clock.now, bytes: sizeOf(event) };
    if (log.append(entry, this.settings.logBounds)) this.coalesced += 1;
    this.#logs.add(log);
    this.#bound();
  }

  /** Gives a position to an event that nobody keeps. */
  leaveOut(): Position {
    this.head += 1;
    return this.head;
  }

  /** Drops what is too old. */
  expire(): void {
    const deadline = this.clock.now - this.settings.number('history.maxAgeMs');
    for (const log of this.#logs) {
      while (log.entries[0] && log.entries[0].at <= deadline) log.evict();
    }
  }

  /** Drops the oldest events of all while there are too many bytes. */
  #bound(): void {
    while (this.usage.bytes > this.settings.number('history.maxTotalBytes') && this.usage.events > 1) {
      const oldest = (log: EventLog): Position => log.entries[0]?.position ?? Number.POSITIVE_INFINITY;
      const [log] = [...this.#logs].sort((one, other) => oldest(one) - oldest(other));
      log?.evict();
    }
  }

  get usage(): { logs: number; events: number; bytes: number } {
    const logs = [...this.#logs].filter((log) => log.entries.length > 0);
    return {
      logs: logs.length,
      events: logs.reduce((sum, log) => sum + log.entries.length, 0),
      bytes: logs.reduce((sum, log) => sum + log.bytes, 0),
    };
  }

  /** Where a page goes on that has seen everything up to this id; undefined if the id says nothing. */
  locate(id: string, find: (id: string) => Position | undefined): { cursor: Position; keepsId: boolean } | undefined {
    const position = this.epoch.positionOf(id);
    if (position !== undefined) return position <= this.head ? { cursor: position, keepsId: true } : undefined;
    const cursor = find(id);
    return cursor === undefined ? undefined : { cursor, keepsId: false };
  }
}
