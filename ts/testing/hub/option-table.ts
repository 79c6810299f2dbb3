/** The hub's options: names, kinds, bounds and defaults. Native code has the same list, which a test compares with this one. */
export type Kind =
  | { type: 'flag'; default: boolean }
  | { type: 'choice'; names: readonly [string, string]; default: string }
  /** Without a default: no bound. */
  | { type: 'number'; least: number; most: number; default?: number }
  | { type: 'text'; default?: string; isSecret?: boolean }
  | { type: 'channels' };

export interface Option {
  name: string;
  kind: Kind;
}

/** The option's own name, or the group's with its options. */
export type Table = readonly (Option | { name: string; options: Table })[];

const HOUR = 3_600_000;
const MANY = 10_000_000;
const TEBI = 2 ** 40;

const number = (name: string, least: number, most: number, usual?: number): Option => ({
  name,
  kind: { type: 'number', least, most, ...(usual === undefined ? {} : { default: usual }) },
});
const choice = (name: string, names: readonly [string, string]): Option => ({
  name,
  kind: { type: 'choice', names, default: names[0] },
});
const flag = (name: string, usual: boolean): Option => ({ name, kind: { type: 'flag', default: usual } });
const text = (name: string, usual?: string): Option => ({
  name,
  kind: { type: 'text', ...(usual === undefined ? {} : { default: usual }) },
});

export const CHANNEL_OPTIONS: Table = [
  flag('presence', false),
  { name: 'history', options: [number('maxEvents', 1, MANY, 10_000), number('maxBytes', 1_024, TEBI, 8 << 20)] },
];

export const DRAIN_OPTIONS: Table = [number('windowMs', 0, HOUR, 2_000), number('retryMs', 0, HOUR, 1_000)];

export const HUB_OPTIONS: Table = [
  choice('transport', ['auto', 'stream']),
  number('maxEventBytes', 1_024, 64 << 20, 1 << 20),
  number('heartbeatMs', 100, HOUR, 25_000),
  choice('heartbeat', ['comment', 'event']),
  number('retryMs', 0, HOUR, 2_000),
  // The fake has no threads. The default of native code depends on the machine.
  number('threads', 1, 64, 1),
  number('timeoutMs', 1_000, HOUR, 30_000),
  number('presenceGraceMs', 0, HOUR, 5_000),
  {
    name: 'maxLag',
    options: [number('events', 1, MANY), number('bytes', 1_024, TEBI), number('ms', 100, TEBI)],
  },
  {
    name: 'limits',
    options: [
      number('clients', 1, MANY),
      number('clientsPerUser', 1, MANY),
      number('clientsPerAddress', 1, MANY),
      number('channelsPerClient', 1, 10_000, 128),
    ],
  },
  {
    name: 'history',
    options: [
      number('maxEvents', 1, MANY, 10_000),
      number('maxBytes', 1_024, TEBI, 8 << 20),
      number('maxTotalBytes', 1_024, TEBI, 64 << 20),
      number('maxAgeMs', 100, TEBI, 300_000),
    ],
  },
  { name: 'channels', kind: { type: 'channels' } },
  {
    name: 'backplane',
    options: [
      { name: 'redis', kind: { type: 'text', isSecret: true } },
      text('prefix', 'ssekit'),
      number('maxStreamEvents', 100, 100_000_000, 100_000),
      text('ca'),
      text('file'),
      choice('durability', ['process', 'always']),
      number('maxAgeMs', 1_000, TEBI, 86_400_000),
      number('maxEvents', 100, 100_000_000, 100_000),
      number('maxBytes', 1 << 20, TEBI, 256 << 20),
      number('leaseMs', 1_000, HOUR, 10_000),
      number('maxBufferedEvents', 1, MANY, 100_000),
      number('maxBufferedBytes', 1_024, TEBI, 64 << 20),
      choice('whenDown', ['deliver', 'wait']),
    ],
  },
  { name: 'drain', options: DRAIN_OPTIONS },
  flag('drainOnSigterm', true),
];

/** The options of a ticket: their names are all that TypeScript asks for. */
export const TICKET_OPTIONS = [
  'userId',
  'clientId',
  'channels',
  'ttl',
  'notBefore',
  'audience',
  'issuer',
  'anonymous',
  'secret',
];
