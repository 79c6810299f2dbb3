/** Lines of a watch, as the servers of the inspector write them. */
import type { SSEStats } from '../../index';
import type { ClientRow, EventEntry, FeedEntry, Hello, Line, Tick } from '../../ts/inspector/wire/lines';

/** The server's clock: a minute of 2026. */
export const NOW = Date.UTC(2026, 10, 29, 12, 0, 0, 123);

const STATS: SSEStats = {
  clients: 0,
  users: 0,
  channels: 0,
  away: 0,
  transports: { opening: 0, handoff: 0, stream: 0, listener: 0 },
  connects: 0,
  resumed: 0,
  disconnects: {
    peer: 0,
    server: 0,
    replaced: 0,
    unopened: 0,
    protocol: 0,
    fault: 0,
    timeout: 0,
    slow: 0,
    drained: 0,
    expired: 0,
  },
  refusals: { clients: 0, user: 0, address: 0, claimed: 0, draining: 0 },
  notHandedOff: {
    transport: 0,
    protocol: 0,
    shared: 0,
    response: 0,
    body: 0,
    wrapped: 0,
    head: 0,
    request: 0,
    bytes: 0,
    system: 0,
  },
  events: 0,
  coalesced: 0,
  deliveries: 0,
  bytes: 0,
  heartbeats: 0,
  resets: 0,
  lag: { clients: 0, events: 0, ms: 0 },
  history: { logs: 0, events: 0, bytes: 0 },
  epoch: 'k3f9',
  position: 0,
  cluster: null,
};

export function hello(more: Partial<Hello> = {}): Line {
  const rights = { data: true, send: true, disconnect: true };
  const limits = { clients: 2_000, eventsPerSecond: 400 };
  return { hello: { now: NOW, version: '0.1.0', epoch: 'k3f9', node: null, rights, limits, ...more } };
}

export function tick({ stats, ...more }: Partial<Omit<Tick, 'stats'>> & { stats?: Partial<SSEStats> } = {}): Line {
  return { tick: { now: NOW, feed: [], skipped: 0, ...more, stats: { ...STATS, ...stats } } };
}

/** A line that tells of these clients. */
export function clientsTick(changed: ClientRow[], gone: string[] = [], total = changed.length): Line {
  return tick({ clients: { changed, gone, total, matching: total, shown: total }, stats: { clients: total } });
}

/** A line with these entries. */
export function feedTick(...feed: FeedEntry[]): Line {
  return tick({ feed });
}

export function client(id: string, more: Partial<ClientRow> = {}): ClientRow {
  const lag = { events: 0, ms: 0 };
  return { id, user: 'ada', data: null, connectedAt: NOW - 5_000, transport: 'handoff', channels: [], lag, ...more };
}

export function event(name: string, more: Partial<EventEntry> = {}): EventEntry {
  const to = { user: 'ada' };
  return { type: 'event', at: NOW, id: 'k3f9.17', to, event: name, data: '{}', bytes: 100, receivers: 3, ...more };
}
