/** The service that index.d.ts describes. It checks its arguments and calls native code. */
import type {
  ConnectOptions,
  SSEService as Contract,
  DrainOptions,
  Listener,
  ListenOptions,
  NewTicket,
  PresenceOptions,
  SSEEvent,
  SSEListeners,
  SSEOptions,
  SSEStats,
  UserId,
} from '../../index';
import { checkClientId, checkUserId, encodeEvent } from './arguments.js';
import { native } from './binding.js';
import { connect } from './connect.js';
import { drain } from './drain.js';
import { argumentError, backplaneError } from './errors.js';
import { listen } from './listen.js';
import { Listeners } from './listeners.js';
import { completeOptions } from './options.js';
import { watchRequests } from './request-context.js';
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
    const id = checkClientId('clientId', clientId);
    return native().sendToClient(id, ...spread(event));
  }

  sendToUser(userId: UserId, event: SSEEvent): number {
    const id = checkUserId(userId);
    return native().sendToUser(id, ...spread(event));
  }

  broadcast(event: SSEEvent, excludeClientId?: string | null): number {
    const exclude = excludeClientId == null ? undefined : checkClientId('excludeClientId', excludeClientId);
    return native().broadcast(exclude, ...spread(event));
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

/** An event as native code takes it. Errors in it are thrown before anything is sent. */
function spread(event: SSEEvent): [string, string, string | undefined, number | undefined, string | undefined] {
  const { name, data, id, retry, coalesceKey } = encodeEvent(event, mostBytes);
  return [name, data, id, retry, coalesceKey];
}

const mostBytes = (): number => native().maxEventBytes();

function isLocal(options: PresenceOptions = {}): boolean {
  const { scope = 'cluster' } = options;
  if (scope !== 'cluster' && scope !== 'local') throw argumentError('options.scope', scope, "'cluster' or 'local'");
  return scope === 'local';
}
