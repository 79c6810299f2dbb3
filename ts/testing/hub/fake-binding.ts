/** The fake in the shape of the native addon: it converts, calls and converts, as `src/` does for the real one. */
import { createHmac } from 'node:crypto';

import type * as Binding from '../../../binding.js';
import { NATIVE_CODES } from '../../server/error-codes.js';
import { checkChannelName, checkLength } from './checks.js';
import type { Clock } from './clock.js';
import { problemIn } from './errors.js';
import type { Event } from './event-log.js';
import type { FakeHub } from './fake-hub.js';
import { FakePlace } from './fake-place.js';
import { frameOf } from './frame.js';
import type { Listener } from './notices.js';
import { DRAIN_OPTIONS, HUB_OPTIONS, type Table, TICKET_OPTIONS } from './option-table.js';
import { readBack } from './read-back.js';
import { readOptions } from './read-options.js';
import { Settings } from './settings.js';
import { statsOf } from './stats.js';
import { FakeStreams } from './streams.js';

type Native = typeof Binding;

export interface Fake {
  binding: Native;
  clock: Clock;
  /** Begins anew: no clients and no events. Listeners stay, and so do the options, until others are set. */
  reset(): void;
}

/** `listeners`: those of an earlier fake in the same place. */
export function createFake({ ticks, listeners }: { ticks: boolean; listeners: Set<Listener> }): Fake {
  const place = new FakePlace(ticks, listeners);
  const binding = {
    __napiBindingTarget: 'native',
    Streams: streamsOf(place),
    ...options(place),
    ...sending(place),
    ...channels(place),
    ...clients(place),
    ...tickets(place),
    ...history(place),
    ...notices(place),
    ...ending(place),
    ...figures(place),
    listen: (options: unknown) => new FakeListener(options),
  };
  return { binding: binding as unknown as Native, clock: place.clock, reset: () => place.reset() };
}

/** Answers when the call has returned, as native code does. */
function later<T>(done: (value: T) => void, value: T): void {
  queueMicrotask(() => done(value));
}

const streamsOf = (place: FakePlace) =>
  class Streams extends FakeStreams {
    constructor(onReadable: () => void) {
      super(() => place.hub(), place.written, onReadable);
      place.carriers.add(this);
    }
  };

const options = (place: FakePlace) => ({
  configure: (options: unknown) => place.configure(new Settings(readOptions('options', options, HUB_OPTIONS))),
  offerRedis(): void {},
  offerFolder(): void {},
  mayHandOff: () => false,
  maxEventBytes: () => place.settings().number('maxEventBytes'),
  channelsPerClient: () => place.settings().number('limits.channelsPerClient'),
  describeOptions: () => ({
    hub: describe(HUB_OPTIONS),
    listener: [],
    ticket: TICKET_OPTIONS.map((name) => ({ name })),
  }),
  errorCodes: () => [...NATIVE_CODES],
});

const sending = (place: FakePlace) => ({
  sendToUser: (userId: string, ...event: Spread) => place.hub().sendToUser(userId, eventOf(event)),
  sendToClient: (clientId: string, ...event: Spread) => place.hub().sendToClient(clientId, eventOf(event)),
  sendToChannel: (channel: string, ...event: Spread) => place.hub().sendToChannel(channel, eventOf(event)),
  broadcast: (exclude: string | undefined | null, ...event: Spread) =>
    place.hub().broadcast(exclude ?? undefined, eventOf(event)),
});

const channels = (place: FakePlace) => ({
  joinChannel: (target: Binding.Target, channel: string, since?: string | null) =>
    place.hub().subscribe(target, channel, since ?? undefined),
  leaveChannel: (target: Binding.Target, channel: string) => place.hub().unsubscribe(target, channel),
  changePage: (change: Binding.PageChange) => place.hub().changePage(change),
  isChannelName: (name: string) => isName(name),
  getChannels: () => place.running?.channels ?? [],
  getClientsByChannel(channel: string): string[] {
    checkChannelName(channel);
    return (place.running?.clientsAt(channel) ?? []).map(({ info }) => info.id);
  },
});

const clients = (place: FakePlace) => ({
  getActiveClients: () => (place.running?.registry.connected ?? []).map(({ info }) => info.id),
  getClientsByUser: (userId: string) => (place.running?.clientsOf(userId) ?? []).map(({ info }) => info.id),
  isOnline: (userId: string) => place.running?.isOnline(userId) ?? false,
  getClients(userId?: string | null, channel?: string | null): Binding.ConnectedClient[] {
    if (userId != null) checkLength('userId', userId);
    if (channel != null) checkChannelName(channel);
    const clients = place.running?.registry.connected ?? [];
    return clients
      .filter((client) => userId == null || client.info.user === userId)
      .filter((client) => channel == null || client.channels.includes(channel))
      .map((client) => place.hub().describe(client));
  },
  disconnectClient: (clientId: string) => place.running?.disconnectClient(clientId) ?? false,
  disconnectUser: (userId: string) => place.hub().disconnectUser(userId),
});

const tickets = (place: FakePlace) => ({
  resumeWith(): void {},
  resumeCookies: () => [],
  catchUpWith: (_target: string, _headers: string[], done: () => void) => later(done, undefined),
  moment: () => place.clock.now * 1_000,
  logOutMark: () => place.hub().mark(),
  issueTicket: (ticket: unknown, secret?: string | null) => signed(ticket, secret),
});

const history = (place: FakePlace) => ({
  cursor: () => place.cursor(),
  history(
    userId: string | null | undefined,
    channel: string | null | undefined,
    after: string | null | undefined,
    limit: number,
    done: (read: Binding.ReadBack) => void,
  ): void {
    if (userId != null) checkLength('userId', userId);
    if (channel != null) checkChannelName(channel);
    const read = (hub: FakeHub): Binding.StoredEvent[] =>
      readBack(hub.logOf(userId ?? undefined, channel ?? undefined), hub.timeline, after ?? undefined, limit);
    later(
      done,
      outcomeOf(() => (place.running ? read(place.running) : [])),
    );
  },
  isCaughtUp: () => true,
  catchUp: (_: string | null | undefined, done: () => void) => later(done, undefined),
  whenReady: (done: (ready: boolean) => void) => later(done, true),
  flush: (done: (problem: string | null) => void) => later(done, null),
});

const notices = (place: FakePlace) => ({
  subscribe: (listener: Listener) => place.notices.subscribe(listener),
  reportProblem: (message: string) => place.notices.tell({ type: 'error', message }),
});

const ending = (place: FakePlace) => ({
  drain(options: unknown, done: () => void): void {
    const given = readOptions('options', options, DRAIN_OPTIONS);
    const retryMs = given.get('retryMs') ?? place.settings().number('drain.retryMs');
    if (!place.hub().gate.isClosed) place.hub().drain(retryMs as number);
    later(done, undefined);
  },
  farewell: () => Buffer.from(frameOf(place.hub().farewell(place.settings().number('drain.retryMs')), place.cursor())),
  // Signals are for the process that has the real hub.
  onSigterm: () => ({ drains: false, windowMs: place.settings().number('drain.windowMs') }),
  waitForDrain: () => false,
  beforeExit(): void {},
});

const figures = (place: FakePlace) => ({
  stats: () => statsOf(place.running, place.written),
  metrics: () => '',
});

type Spread = [name: string, data: string, id?: string | null, retry?: number | null, coalesceKey?: string | null];

function eventOf([name, data, id, retry, coalesceKey]: Spread): Event {
  return { name, data, id: id ?? undefined, retry: retry ?? undefined, coalesceKey: coalesceKey ?? undefined };
}

function isName(name: string): boolean {
  try {
    checkChannelName(name);
    return true;
  } catch {
    return false;
  }
}

function outcomeOf(read: () => Binding.StoredEvent[]): Binding.ReadBack {
  try {
    return { events: read() };
  } catch (error) {
    return { events: [], ...problemIn(error) };
  }
}

function describe(table: Table, group = ''): Binding.OptionDescription[] {
  return table.flatMap((one) => {
    if ('options' in one) return describe(one.options, `${group}${one.name}.`);
    const { kind } = one;
    return {
      name: `${group}${one.name}`,
      ...('default' in kind ? { default: kind.default } : {}),
      ...(kind.type === 'number' ? { least: kind.least, most: kind.most } : {}),
    };
  });
}

/** A ticket as the listener takes it: HS256. The fake has no listener, so nothing checks it. */
function signed(ticket: unknown, secret: string | null | undefined): string | null {
  const { userId, clientId, channels, ttl = 3_600, secret: own = secret } = ticket as Record<string, unknown>;
  if (typeof own !== 'string') return null;
  const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1_000);
  const claims = { aud: 'ssekit', exp: now + Number(ttl), iat: now, sub: userId, clientId, channels };
  const message = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded(claims)}`;
  return `${message}.${createHmac('sha256', own).update(message).digest('base64url')}`;
}

/** It opens no port: its address is what was asked for. */
class FakeListener {
  readonly host: string;
  readonly port: number;
  readonly connections = 0;

  constructor(options: unknown) {
    const { host = '127.0.0.1', port = 0 } = (options ?? {}) as { host?: string; port?: number };
    this.host = host;
    this.port = port;
  }

  close(done: () => void): void {
    queueMicrotask(done);
  }
}
