/** The lines of a watch. Each is one JSON object with one property, which says what it is. Times are milliseconds since 1970, by the server's clock. */
import type { DisconnectReason, NotHandedOffReason, RefusalReason, SSEStats } from '../../../index';

export type Line = { hello: Hello } | { tick: Tick };

/** The first line of each watch. */
export interface Hello {
  now: number;
  version: string;
  epoch: string;
  node: string | null;
  rights: Rights;
  limits: { clients: number; eventsPerSecond: number };
}

/** The rights of this page. */
export interface Rights {
  data: boolean;
  send: boolean;
  disconnect: boolean;
}

export interface Tick {
  now: number;
  stats: SSEStats;
  /** The entries since the last line, oldest first. */
  feed: FeedEntry[];
  /** Entries that match the filter and are not in `feed`, because there were too many. */
  skipped: number;
  /** Missing where this line brings no look at the clients. */
  clients?: ClientChanges;
  nodes?: ClusterNode[];
}

export interface ClientChanges {
  changed: ClientRow[];
  gone: string[];
  total: number;
  matching: number;
  shown: number;
}

export interface ClientRow {
  id: string;
  user: string | null;
  /** Missing without `rights.data`, and if the application gave none. */
  data?: unknown;
  connectedAt: number;
  transport: 'handoff' | 'stream' | 'listener' | 'opening' | 'elsewhere';
  notHandedOff?: NotHandedOffReason;
  channels: string[];
  lag: { events: number; ms: number };
  /** Tabs of a browser share the connection. */
  shared?: boolean;
}

export interface ClusterNode {
  id: string;
  clients: number;
  here?: boolean;
}

export type Audience = { user: string } | { client: string } | { channel: string } | { all: true; except?: string };

/** `null` and missing mean the same. */
export type Person = { client?: string | null; user?: string | null };

export interface EventEntry {
  type: 'event';
  at: number;
  /** `null`: the nodes of a cluster have not agreed on one yet. */
  id: string | null;
  to: Audience;
  event: string;
  /** `null`: hidden. */
  data: string | null;
  /** Only the beginning of long data is here. */
  cut?: boolean;
  /** On the wire, to one client. */
  bytes: number;
  receivers: number;
  coalesceKey?: string;
}

export type FeedEntry =
  | EventEntry
  | ({ type: 'connect'; at: number } & Person)
  | ({ type: 'disconnect'; at: number; reason: DisconnectReason } & Person)
  | ({ type: 'reset'; at: number; reason: string } & Person)
  | ({ type: 'refusal'; at: number; reason: RefusalReason } & Person)
  | { type: 'online' | 'offline'; at: number; user: string }
  | { type: 'error'; at: number; message: string };
