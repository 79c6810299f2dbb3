/** The statistics of a hub. What the fake does not have is 0. */
import type { DisconnectReason, NotHandedOffReason, RefusalReason, SSEStats } from '../../../index';
import type { FakeHub } from './fake-hub.js';
import type { Written } from './streams.js';

const DISCONNECTS: readonly DisconnectReason[] = [
  'peer',
  'server',
  'replaced',
  'unopened',
  'protocol',
  'fault',
  'timeout',
  'slow',
  'drained',
  'expired',
];
const REFUSALS: readonly RefusalReason[] = ['clients', 'user', 'address', 'claimed', 'draining'];
const REASONS: readonly NotHandedOffReason[] = [
  'transport',
  'protocol',
  'shared',
  'response',
  'body',
  'wrapped',
  'head',
  'request',
  'bytes',
  'system',
];

/** `hub`: undefined before it has started. */
export function statsOf(hub: FakeHub | undefined, written: Written): SSEStats {
  const connected = hub?.registry.connected ?? [];
  const by = (transport: string): number => connected.filter((client) => client.transport === transport).length;
  const usage = hub?.timeline.usage ?? { logs: 0, events: 0, bytes: 0 };
  return {
    clients: connected.length,
    users: hub?.usersOnline ?? 0,
    channels: hub?.channelCount ?? 0,
    away: hub?.registry.away.length ?? 0,
    transports: { opening: by('opening'), handoff: 0, stream: by('stream'), listener: 0 },
    connects: hub?.connects ?? 0,
    resumed: 0,
    disconnects: counted(DISCONNECTS, (reason) => hub?.disconnects.get(reason)),
    refusals: counted(REFUSALS, (reason) => hub?.gate.refusals.get(reason)),
    notHandedOff: counted(REASONS, () => 0),
    events: hub?.timeline.published ?? 0,
    coalesced: hub?.timeline.coalesced ?? 0,
    ...written,
    lag: { clients: 0, events: 0, ms: 0 },
    history: usage,
    epoch: hub?.timeline.epoch.name ?? '',
    position: hub?.timeline.head ?? 0,
    cluster: null,
  };
}

function counted<Name extends string>(
  names: readonly Name[],
  count: (name: Name) => number | undefined,
): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, count(name) ?? 0])) as Record<Name, number>;
}
