/** A hub in TypeScript, with the rules of native code: what it does is what the conformance suite compares. */
import type { Asked, ConnectedClient, PageChange, PageChanged, Target } from '../../../binding.js';
import type { DisconnectReason } from '../../../index';
import { checkAsked } from './asked.js';
import { Channels, memberOf } from './channels.js';
import { checkChannelName, checkLength } from './checks.js';
import { claimOf, ownLogOf, resume } from './claim.js';
import { Client, type Subscription } from './client.js';
import type { Clock } from './clock.js';
import { splitKey } from './epoch.js';
import { channelsFull, claimed, draining, loggedOut, problemIn, unknownClient } from './errors.js';
import { type Event, EventLog } from './event-log.js';
import { checkEvent } from './frame.js';
import { Gate } from './gate.js';
import type { Notices } from './notices.js';
import { openingOf } from './ready.js';
import { Registry } from './registry.js';
import type { Settings } from './settings.js';
import { Timeline } from './timeline.js';
import { Users } from './users.js';

/** A client's stream begins with these bytes. */
export interface Opened {
  client: Client;
  opening: string;
}

const NEVER = Number.POSITIVE_INFINITY;

export class FakeHub {
  readonly timeline: Timeline;
  readonly registry: Registry;
  readonly #users: Users;
  readonly #channels: Channels;
  readonly #notices: Notices;
  /** When each user was logged out, as a number of `mark`. */
  readonly #loggedOut = new Map<string, number>();
  readonly gate: Gate;
  connects = 0;
  readonly disconnects = new Map<DisconnectReason, number>();
  #marks = 0;

  /** `wake` is called when clients may have something to read. */
  constructor(
    readonly settings: Settings,
    readonly clock: Clock,
    notices: Notices,
    readonly wake: () => void,
  ) {
    this.timeline = new Timeline(settings, clock);
    this.#notices = notices;
    this.gate = new Gate(settings);
    this.#users = new Users(this.timeline, notices);
    this.registry = new Registry(this.timeline, this.#users);
    this.#channels = new Channels(this.timeline, (id) => this.registry.connectedWith(id));
    this.#beat();
  }

  get usersOnline(): number {
    return this.#users.online;
  }

  get channelCount(): number {
    return this.#channels.count;
  }

  // Sending

  sendToUser(userId: string, event: Event): number {
    checkLength('userId', userId);
    this.#check(event);
    const user = this.#users.of(userId);
    this.timeline.publish(user.log, event);
    return this.#sent(user.clients.length);
  }

  sendToClient(clientId: string, event: Event): boolean {
    checkLength('clientId', clientId);
    this.#check(event);
    const client = this.registry.known(clientId);
    if (!client) {
      this.registry.miss(clientId);
      return false;
    }
    const position = this.timeline.publish(client.ownLog(), event);
    if (!client.isConnected) this.registry.lose(client, position);
    this.wake();
    return client.isConnected;
  }

  sendToChannel(channel: string, event: Event): number {
    checkChannelName(channel);
    this.#check(event);
    this.timeline.publish(this.#channels.log(channel), event);
    return this.#sent(this.clientsAt(channel).length);
  }

  broadcast(exclude: string | undefined, event: Event): number {
    if (exclude !== undefined) checkLength('excludeClientId', exclude);
    this.#check(event);
    this.timeline.publish(this.timeline.broadcasts, event, exclude);
    const clients = this.registry.connected;
    return this.#sent(clients.filter(({ info }) => info.id !== exclude).length);
  }

  #check(event: Event): void {
    checkEvent(event, this.settings.number('maxEventBytes'));
    this.#expire();
  }

  #sent(clients: number): number {
    this.wake();
    return clients;
  }

  // Connecting

  mark(): number {
    this.#marks += 1;
    return this.#marks;
  }

  connect(asked: Asked): Opened {
    const { userId, mark } = asked;
    if (userId !== undefined && mark !== undefined && (this.#loggedOut.get(userId) ?? 0) > mark) throw loggedOut();
    checkAsked(asked, this.settings);
    this.#expire();
    const claim = claimOf(asked, this.registry);
    const { bringsId, key, predecessor } = claim;
    const subscriptions = this.#channelsOf(asked, predecessor);
    const other = this.registry.known(claim.id);
    const replaces = predecessor?.isConnected ?? false;
    this.gate.enter(asked, this.registry.connected, replaces);
    const own = ownLogOf(claim, this.registry);
    const userLog = userId === undefined ? undefined : this.#users.of(userId).log;
    const { cursor, owes, keptId } = resume(asked, claim, { userLog, own, subscriptions }, this.registry);
    // Two users may not have one id at the same time.
    if (other && other !== predecessor) throw this.gate.refused('claimed', claimed());
    const info = { id: claim.id, user: userId, bringsId, key, data: asked.data, address: asked.address ?? asked.peer };
    const client = new Client(info, { cursor, owes }, this.timeline);
    client.own = own;
    client.subscriptions = subscriptions;
    if (predecessor) predecessor.isListed = false;
    this.registry.enter(client);
    this.#users.join(client);
    if (predecessor?.isConnected) this.#end(predecessor, 'replaced');
    this.connects += 1;
    this.#notices.tell({ type: 'connect', clientId: claim.id, ...(userId === undefined ? {} : { userId }) });
    this.#users.comeOnline(userId);
    const resumed = claim.lastEventId !== undefined && owes === undefined;
    const id = owes ? `ssekit:${owes}` : (keptId ?? this.timeline.epoch.id(cursor));
    const opening = openingOf(client, this.settings, { resumed, id, welcome: asked.welcome });
    this.#channels.look(claim.id, client.channels);
    return { client, opening };
  }

  /** The channels that a client names, and those that it had before. */
  #channelsOf({ channels = [] }: Asked, predecessor: Client | undefined): Subscription[] {
    const named = [...new Set(channels)].map((name) => this.#subscription(name, 0, true));
    const earlier = (predecessor?.subscriptions ?? []).filter(({ name }) => !channels.includes(name));
    const all = [...named, ...earlier.map((one) => ({ ...one, isNamed: false }))];
    const most = this.settings.number('limits.channelsPerClient');
    if (all.filter(({ until }) => until === NEVER).length > most) throw channelsFull(most);
    return all;
  }

  #subscription(name: string, since: number, isNamed: boolean): Subscription {
    return { name, log: this.#channels.log(name), since, until: NEVER, isNamed };
  }

  // Disconnecting

  /** Ends a client's life, once. */
  #end(client: Client, reason: DisconnectReason): boolean {
    if (!client.isConnected) return false;
    client.isConnected = false;
    client.end = Math.min(client.end, reason === 'server' || reason === 'drained' ? this.timeline.head : 0);
    client.isReleased ||= reason === 'server';
    const { channels } = client;
    this.registry.depart(client);
    this.#users.leave(client);
    this.disconnects.set(reason, (this.disconnects.get(reason) ?? 0) + 1);
    const { id: clientId, user: userId } = client.info;
    this.#notices.tell({ type: 'disconnect', clientId, ...(userId === undefined ? {} : { userId }), reason });
    this.#channels.look(clientId, channels, this.settings.number('presenceGraceMs'));
    this.wake();
    return true;
  }

  closed(client: Client, reason: DisconnectReason): void {
    this.#end(client, reason);
  }

  disconnectClient(clientId: string): boolean {
    const client = this.registry.known(clientId);
    if (!client) return false;
    const ended = this.#end(client, 'server');
    client.isReleased = true;
    this.#endChannels([client]);
    return ended;
  }

  disconnectUser(userId: string): number {
    this.#loggedOut.set(userId, this.mark());
    const isOf = ({ info }: Client): boolean => info.user === userId;
    const [connected, away] = [this.registry.connected.filter(isOf), this.registry.away.filter(isOf)];
    for (const client of connected) this.#end(client, 'server');
    for (const client of away) client.isReleased = true;
    this.#endChannels([...connected, ...away]);
    return connected.length;
  }

  /** A client that the application has ended comes back without its channels. */
  #endChannels(clients: Client[]): void {
    for (const client of clients) {
      for (const one of client.active()) one.until = this.timeline.head;
    }
  }

  /** Lets every client go, with everything that was sent to it before and a farewell. */
  drain(retryMs: number): void {
    this.gate.isClosed = true;
    for (const client of this.registry.connected) {
      const event = this.farewell(retryMs);
      client.end = this.timeline.publish(client.ownLog(), event);
      this.#end(client, 'drained');
    }
  }

  farewell(retryMs: number): Event {
    const retry = retryMs + Math.floor(Math.random() * (retryMs + 1));
    return { name: 'ssekit:drain', data: JSON.stringify({ reconnectInMs: retry }), retry };
  }

  // Channels

  subscribe(target: Target, channel: string, since?: string): number {
    checkChannelName(channel);
    const clients = this.#targets(target);
    for (const client of clients) this.#checkRoom(client, channel);
    return clients.filter((client) => this.#begin(client, channel, since)).length;
  }

  unsubscribe(target: Target, channel: string): number {
    checkChannelName(channel);
    return this.#targets(target).filter((client) => this.#leave(client, channel)).length;
  }

  #targets({ clientId, userId }: Target): Client[] {
    this.#expire();
    if (userId !== undefined) {
      checkLength('userId', userId);
      return this.clientsOf(userId);
    }
    checkLength('clientId', clientId ?? '');
    const client = this.registry.known(clientId ?? '');
    return client ? [client] : [];
  }

  #checkRoom(client: Client, channel: string): void {
    const most = this.settings.number('limits.channelsPerClient');
    if (client.channels.length >= most && !client.channels.includes(channel)) throw channelsFull(most);
  }

  #begin(client: Client, name: string, since: string | undefined): boolean {
    if (client.channels.includes(name)) return false;
    for (const event of this.#missed(name, since)) this.timeline.copy(client.ownLog(), event);
    const position = this.timeline.publish(client.ownLog(), subscriptionNotice('ssekit:subscribed', name));
    client.subscriptions.push(this.#subscription(name, position, false));
    if (!client.isConnected) this.registry.lose(client, position);
    this.#channels.look(client.info.id, [name]);
    this.wake();
    return true;
  }

  /** The events of a channel that a page has missed since it knew the channel's state. */
  #missed(channel: string, since: string | undefined): Event[] {
    if (since === undefined) return [];
    const reset = (reason: string): Event[] => [{ name: 'ssekit:reset', data: JSON.stringify({ channel, reason }) }];
    const located = this.timeline.locate(since, () => undefined);
    if (!located) return reset('unknown');
    const entries = this.#channels.log(channel).between(located.cursor, this.timeline.head);
    return entries?.map(({ event, id }) => (event.id === undefined ? event : { ...event, id })) ?? reset('evicted');
  }

  #leave(client: Client, name: string): boolean {
    const active = client.active().find((one) => one.name === name);
    if (!active) return false;
    const position = this.timeline.publish(client.ownLog(), subscriptionNotice('ssekit:unsubscribed', name));
    active.until = position;
    this.#channels.look(client.info.id, [name]);
    this.wake();
    return true;
  }

  changePage({ clientId, userId, lastEventId, unsubscribe, subscribe }: PageChange): PageChanged {
    for (const name of unsubscribe) checkChannelName(name);
    for (const { channel } of subscribe) checkChannelName(channel);
    if (this.gate.isClosed) throw draining();
    checkLength('clientId', clientId);
    const client = this.registry.known(clientId);
    const key = lastEventId === undefined ? undefined : splitKey(lastEventId)?.key;
    const isOwn =
      client && client.info.user === userId && (userId !== undefined || client.info.key === key || !client.info.key);
    if (!isOwn) throw unknownClient();
    const changed = { unsubscribed: 0, subscribed: 0 };
    for (const name of unsubscribe) {
      this.#leave(client, name);
      changed.unsubscribed += 1;
    }
    try {
      for (const { channel, since } of subscribe) {
        this.#checkRoom(client, channel);
        this.#begin(client, channel, since);
        changed.subscribed += 1;
      }
    } catch (error) {
      return { ...changed, ...problemIn(error) };
    }
    return changed;
  }

  // Asking

  clientsOf(userId: string): Client[] {
    return this.#users.find(userId)?.clients ?? [];
  }

  clientsAt(channel: string): Client[] {
    return this.registry.connected.filter(({ channels }) => channels.includes(channel));
  }

  isOnline(userId: string): boolean {
    return this.#users.isOnline(userId);
  }

  get channels(): string[] {
    return [...new Set(this.registry.connected.flatMap(({ channels }) => channels))].sort();
  }

  describe({ info, connectedAt, transport, channels }: Client): ConnectedClient {
    return {
      id: info.id,
      member: memberOf(info.id),
      ...(info.user === undefined ? {} : { userId: info.user }),
      ...(info.data === undefined ? {} : { data: info.data }),
      connectedAt,
      transport,
      channels,
    };
  }

  /** The log of what was sent to a user or a channel; otherwise that of broadcasts. */
  logOf(userId: string | undefined, channel: string | undefined): EventLog {
    this.#expire();
    if (userId !== undefined) return this.#users.find(userId)?.log ?? new EventLog();
    if (channel !== undefined) return this.#channels.find(channel) ?? new EventLog();
    return this.timeline.broadcasts;
  }

  // Time

  #expire(): void {
    this.timeline.expire();
    this.registry.expire();
  }

  /** Idle streams get a heartbeat, or their position once their last id is old. */
  #beat(): void {
    const interval = this.settings.number('heartbeatMs');
    this.clock.after(interval, () => {
      const { now } = this.clock;
      const old = this.settings.number('history.maxAgeMs') / 2;
      for (const client of this.registry.connected) {
        const idleFor = now - client.lastEventAt;
        if (idleFor >= old) client.idle = 'position';
        else if (idleFor >= interval) client.idle = 'heartbeat';
      }
      this.#expire();
      this.wake();
      this.#beat();
    });
  }
}

const subscriptionNotice = (name: string, channel: string): Event => ({ name, data: JSON.stringify({ channel }) });
