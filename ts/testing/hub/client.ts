/** A client, from its connection to its end. It has no queue: the events that it has yet to get are in the logs, after its cursor. */
import type { Position } from './epoch.js';
import { type Entry, EventLog } from './event-log.js';
import { frameOf, HEARTBEATS } from './frame.js';
import type { Timeline } from './timeline.js';

export type ResetReason = 'unknown' | 'evicted';

const NEVER = Number.POSITIVE_INFINITY;

/** The part of a channel's log that a client reads. */
export interface Subscription {
  name: string;
  log: EventLog;
  since: Position;
  until: Position;
  /** Whether the client named the channel when it connected. */
  isNamed: boolean;
}

export interface ClientInfo {
  id: string;
  user: string | undefined;
  /** Its page chose the id, and comes back with it. */
  bringsId: boolean;
  key: string | undefined;
  /** JSON. */
  data: string | undefined;
  address: string | undefined;
}

/** Where it begins. */
export interface Start {
  cursor: Position;
  owes: ResetReason | undefined;
}

/** Bytes for a client, and what is in them. */
export interface Read {
  text: string;
  events: number;
  resets: number;
  /** A heartbeat, or the client's position in its place. */
  isBeat: boolean;
}

export class Client {
  readonly connectedAt: number;
  subscriptions: Subscription[] = [];
  /** The events that were sent to this client alone. */
  own: EventLog | undefined;
  /** Those that were sent to its user. */
  userLog: EventLog | undefined;
  isConnected = true;
  /** Events sent to its id go into its log. */
  isListed = true;
  /** The application has ended it, so anybody may use its id. */
  isReleased = false;
  transport: 'opening' | 'stream' = 'opening';
  awaySince = 0;
  /** It gets nothing after this position. */
  end: Position = NEVER;
  /** Bytes that are due while nothing else is: a heartbeat, or its position. */
  idle: 'heartbeat' | 'position' | undefined;
  lastEventAt: number;
  #cursor: Position;
  #owes: ResetReason | undefined;
  /** Up to here it has received everything. */
  #reached: Position;

  constructor(
    readonly info: ClientInfo,
    start: Start,
    readonly timeline: Timeline,
  ) {
    this.#cursor = start.cursor;
    this.#owes = start.owes;
    this.#reached = start.cursor;
    this.connectedAt = timeline.clock.now;
    this.lastEventAt = this.connectedAt;
  }

  get cursor(): Position {
    return this.#cursor;
  }

  /** Undefined: it has not received the reset that it is owed. */
  get reached(): Position | undefined {
    return this.#owes ? undefined : this.#reached;
  }

  get newestOwn(): Position {
    return this.own?.last ?? 0;
  }

  /** Made at its first use: few clients ever need it. */
  ownLog(): EventLog {
    this.own ??= new EventLog();
    return this.own;
  }

  get channels(): string[] {
    return this.active().map(({ name }) => name);
  }

  active(): Subscription[] {
    return this.subscriptions.filter(({ until }) => until === NEVER);
  }

  /** Whether a page that shows this key may take its place. A user vouches for its pages. */
  isContinuedBy(key: string | undefined): boolean {
    return this.info.user !== undefined || (this.info.key !== undefined && this.info.key === key);
  }

  /** The logs that it reads, each with the part of it. */
  parts(): { log: EventLog; since: Position; until: Position }[] {
    const whole = [this.timeline.broadcasts, this.userLog, this.own].filter((log) => log !== undefined);
    return [...whole.map((log) => ({ log, since: 0, until: NEVER })), ...this.subscriptions];
  }

  /** Whether it may have something to read. */
  get hasNews(): boolean {
    const isBehind = Math.min(this.timeline.head, this.end) > this.#cursor;
    return this.#owes !== undefined || this.idle !== undefined || isBehind;
  }

  /** The next bytes, at most so many except for a first event that is larger; undefined if there are none. */
  read(maxBytes: number): Read | undefined {
    const head = Math.max(Math.min(this.timeline.head, this.end), this.#cursor);
    const entries = this.#entriesUpTo(head);
    if (this.#owes || !entries) return this.#reset(head, !entries);
    const room = roomFor(entries, maxBytes);
    const taken = entries.slice(0, room);
    this.#advance(room === entries.length ? head : (taken.at(-1)?.position ?? head));
    const wanted = taken.filter(({ exclude }) => exclude !== this.info.id);
    if (wanted.length === 0) return room < entries.length ? this.read(maxBytes) : this.#idle();
    this.#stir();
    const text = wanted.map(({ event, id }) => frameOf(event, id, this.info.key)).join('');
    return { text, events: wanted.length, resets: 0, isBeat: false };
  }

  #entriesUpTo(head: Position): Entry[] | undefined {
    const entries: Entry[] = [];
    for (const { log, since, until } of this.parts()) {
      const part = log.between(Math.max(this.#cursor, since), Math.min(head, until));
      if (!part) return undefined;
      entries.push(...part);
    }
    return entries.sort((one, other) => one.position - other.position);
  }

  /** Tells about a gap. A lagging client skips everything; one that has just come, or is let go, gets what is left. */
  #reset(head: Position, isMissing: boolean): Read {
    const reason = this.#owes ?? 'evicted';
    const isLagging = !this.#owes && this.end === NEVER;
    if (isMissing) this.#cursor = isLagging ? head : Math.min(head, Math.max(this.#floor(), this.#cursor));
    this.#owes = undefined;
    this.#advance(this.#cursor);
    this.#stir();
    const event = { name: 'ssekit:reset', data: JSON.stringify({ reason }) };
    return {
      text: frameOf(event, this.timeline.epoch.id(this.#cursor), this.info.key),
      events: 0,
      resets: 1,
      isBeat: false,
    };
  }

  #floor(): Position {
    const gaps = this.parts().filter(
      ({ log, since, until }) => until > this.#cursor && log.floor > Math.max(this.#cursor, since),
    );
    return Math.max(0, ...gaps.map(({ log, until }) => Math.min(log.floor, until)));
  }

  #idle(): Read | undefined {
    const { idle } = this;
    this.idle = undefined;
    if (idle === undefined) return undefined;
    if (idle === 'heartbeat') {
      const form = this.timeline.settings.text('heartbeat') as keyof typeof HEARTBEATS;
      return { text: HEARTBEATS[form], events: 0, resets: 0, isBeat: true };
    }
    const position = { name: 'ssekit:position', data: '{}' };
    const text = frameOf(position, this.timeline.epoch.id(this.#cursor), this.info.key);
    this.#stir();
    return { text, events: 0, resets: 0, isBeat: true };
  }

  #advance(position: Position): void {
    this.#cursor = position;
    this.#reached = position;
  }

  #stir(): void {
    this.idle = undefined;
    this.lastEventAt = this.timeline.clock.now;
  }
}

function roomFor(entries: Entry[], maxBytes: number): number {
  let bytes = 0;
  const beyond = entries.findIndex(({ bytes: own }, index) => {
    bytes += own;
    return index > 0 && bytes > maxBytes;
  });
  return beyond < 0 ? entries.length : beyond;
}
