/** The service that index.d.ts describes: checks what it is given and calls native code. */
import type {
  ConnectOptions,
  SSEService as Contract,
  DisconnectReason,
  SSEEvent,
  SSEListeners,
  SSEOptions,
  SSEStats,
  UserId,
} from '../../index';
import { checkClientId, checkOptions, checkUserId, encodeEvent } from './arguments.js';
import { native } from './binding.js';
import { connect } from './connect.js';
import { Listeners } from './listeners.js';
import { watchRequests } from './pairs.js';

watchRequests();

export class SSEService implements Contract {
  static #instance: SSEService | undefined;
  readonly #listeners = new Listeners();

  static getInstance(): SSEService {
    SSEService.#instance ??= new SSEService();
    return SSEService.#instance;
  }

  static configure(options: SSEOptions): SSEService {
    native().configure(checkOptions(options));
    return SSEService.getInstance();
  }

  sendToClient(clientId: string, event: SSEEvent): boolean {
    const id = checkClientId('clientId', clientId);
    const encoded = encodeEvent(event);
    return native().sendToClient(id, encoded.name, encoded.data, encoded.id, encoded.retry);
  }

  sendToUser(userId: UserId, event: SSEEvent): number {
    const id = checkUserId(userId);
    const encoded = encodeEvent(event);
    return native().sendToUser(id, encoded.name, encoded.data, encoded.id, encoded.retry);
  }

  broadcast(event: SSEEvent, excludeClientId?: string | null): number {
    const exclude = excludeClientId == null ? undefined : checkClientId('excludeClientId', excludeClientId);
    const encoded = encodeEvent(event);
    return native().broadcast(exclude, encoded.name, encoded.data, encoded.id, encoded.retry);
  }

  getActiveClients(): string[] {
    return native().getActiveClients();
  }

  getClientsByUser(userId: UserId): string[] {
    return native().getClientsByUser(checkUserId(userId));
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
    return new Promise((resolve) => native().flush(resolve));
  }

  stats(): SSEStats {
    const { disconnects, ...stats } = native().stats();
    const byReason = Object.fromEntries(disconnects.map(({ reason, count }) => [reason, count]));
    return { ...stats, disconnects: byReason as Record<DisconnectReason, number> };
  }
}
