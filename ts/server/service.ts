/** The service that index.d.ts describes. It checks its arguments and calls native code. */
import type {
  ClientDetails,
  ClientFilter,
  ConnectOptions,
  SSEService as Contract,
  DrainOptions,
  HistoryAudience,
  HistoryQuery,
  Listener,
  ListenOptions,
  NewTicket,
  PresenceOptions,
  SSEEvent,
  SSEListeners,
  SSEOptions,
  SSEStats,
  StoredEvent,
  SubscribeOptions,
  SubscriptionTarget,
  UserId,
} from '../../index';
import { checkChannel, checkClientId, checkKnown, checkUserId } from './arguments.js';
import { native } from './binding.js';
import { getClients } from './clients.js';
import { connect } from './connect.js';
import { drain } from './drain.js';
import { argumentError, backplaneError } from './errors.js';
import { history } from './history.js';
import { listen } from './listen.js';
import { Listeners } from './listeners.js';
import { completeOptions } from './options.js';
import { watchRequests } from './request-context.js';
import { BROADCAST, CHANNEL, CLIENT, send, USER } from './send.js';
import { checkTarget, sinceIn } from './subscriptions.js';
import { issueTicket } from './tickets.js';

watchRequests();

export class SSEService implements Contract {
  static #instance: SSEService | undefined;
  readonly #listeners = new Listeners();

  static getInstance(): SSEService {
    SSEService.#instance ??= new SSEService();
    return SSEService.#instance;
  }

  static configure(options: SSEOptions): SSEService {
    native().configure(completeOptions(options));
    return SSEService.getInstance();
  }

  sendToClient(clientId: string, event: SSEEvent): boolean {
    return send(CLIENT, clientId, event);
  }

  sendToUser(userId: UserId, event: SSEEvent): number {
    return send(USER, userId, event);
  }

  broadcast(event: SSEEvent, excludeClientId?: string | null): number {
    return send(BROADCAST, excludeClientId, event);
  }

  sendToChannel(channel: string, event: SSEEvent): number {
    return send(CHANNEL, channel, event);
  }

  subscribe(target: { clientId: string }, channel: string, options?: SubscribeOptions): boolean;
  subscribe(target: { userId: UserId }, channel: string, options?: SubscribeOptions): number;
  subscribe(target: SubscriptionTarget, channel: string, options?: SubscribeOptions): boolean | number {
    const whose = checkTarget(target);
    const clients = native().joinChannel(whose, checkChannel(channel), sinceIn(options));
    return whose.userId === undefined ? clients > 0 : clients;
  }

  unsubscribe(target: { clientId: string }, channel: string): boolean;
  unsubscribe(target: { userId: UserId }, channel: string): number;
  unsubscribe(target: SubscriptionTarget, channel: string): boolean | number {
    const whose = checkTarget(target);
    const clients = native().leaveChannel(whose, checkChannel(channel));
    return whose.userId === undefined ? clients > 0 : clients;
  }

  getChannels(): string[] {
    return native().getChannels();
  }

  getClientsByChannel(channel: string): string[] {
    return native().getClientsByChannel(checkChannel(channel));
  }

  getClients(filter?: ClientFilter): ClientDetails[] {
    return getClients(filter);
  }

  cursor(): string {
    return native().cursor();
  }

  async history(audience: HistoryAudience, options?: HistoryQuery): Promise<StoredEvent[]> {
    return history(audience, options);
  }

  isOnline(userId: UserId, options?: PresenceOptions): boolean {
    return native().isOnline(checkUserId(userId), isLocal(options));
  }

  getActiveClients(options?: PresenceOptions): string[] {
    return native().getActiveClients(isLocal(options));
  }

  getClientsByUser(userId: UserId, options?: PresenceOptions): string[] {
    return native().getClientsByUser(checkUserId(userId), isLocal(options));
  }

  ready(): Promise<boolean> {
    return new Promise((resolve) => native().whenReady(resolve));
  }

  connect(request: Request, client?: ConnectOptions): Response {
    return connect(request, client);
  }

  disconnectClient(clientId: string): boolean {
    return native().disconnectClient(checkClientId('clientId', clientId));
  }

  disconnectUser(userId: UserId): number {
    return native().disconnectUser(checkUserId(userId));
  }

  on<K extends keyof SSEListeners>(type: K, listener: SSEListeners[K]): this {
    this.#listeners.add(type, listener);
    return this;
  }

  off<K extends keyof SSEListeners>(type: K, listener: SSEListeners[K]): this {
    this.#listeners.remove(type, listener);
    return this;
  }

  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      native().flush((problem) => (problem === null ? resolve() : reject(backplaneError(problem))));
    });
  }

  drain(options?: DrainOptions): Promise<void> {
    return drain(options);
  }

  listen(options?: ListenOptions): Promise<Listener> {
    return listen(options);
  }

  issueTicket(ticket?: NewTicket): string {
    return issueTicket(ticket);
  }

  metrics(): string {
    return native().metrics();
  }

  stats(): SSEStats {
    return native().stats() as SSEStats;
  }
}

function isLocal(options: PresenceOptions = {}): boolean {
  checkKnown('options', options, ['scope']);
  const { scope = 'cluster' } = options as PresenceOptions;
  if (scope !== 'cluster' && scope !== 'local') throw argumentError('options.scope', scope, "'cluster' or 'local'");
  return scope === 'local';
}
