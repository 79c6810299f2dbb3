/** The clients by id: those that are connected, those that are away and may come back, and what is known of others. */
import type { Client } from './client.js';
import type { Position } from './epoch.js';
import type { Timeline } from './timeline.js';
import type { Users } from './users.js';

/** The page's earlier client. */
export interface Earlier {
  /** Undefined: it had not received the reset that it was owed. */
  reached: Position | undefined;
}

interface Departed extends Earlier {
  user: string | undefined;
  bringsId: boolean;
}

export class Registry {
  readonly #clients = new Map<string, Client>();
  readonly #departed = new Map<string, Departed>();
  /** For clients that were given up, or unknown: the position up to which their events are missing. */
  readonly #missing = new Map<string, Position>();
  /** Up to here, events were lost that were sent to anonymous clients which nobody can come back as. */
  #unclaimed: Position = 0;

  constructor(
    readonly timeline: Timeline,
    readonly users: Users,
  ) {}

  /** Connected, or away. */
  known(id: string): Client | undefined {
    return this.#clients.get(id);
  }

  connectedWith(id: string): Client | undefined {
    const client = this.known(id);
    return client?.isConnected ? client : undefined;
  }

  get connected(): Client[] {
    return [...this.#clients.values()].filter(({ isConnected }) => isConnected);
  }

  get away(): Client[] {
    return [...this.#clients.values()].filter(({ isConnected }) => !isConnected);
  }

  /** The client whose place another of this user is going to take. */
  predecessor(id: string, user: string | undefined, key: string | undefined): Client | undefined {
    const known = this.known(id);
    if (!known) return undefined;
    if (known.info.user === user && known.isContinuedBy(key)) return known;
    if (!known.isConnected && known.isReleased) this.giveUp(known);
    return undefined;
  }

  missingOf(id: string): Position {
    return this.#missing.get(id) ?? 0;
  }

  /** The progress of the earlier client with this page's own id. */
  earlier(id: string, user: string | undefined, predecessor: Client | undefined): Earlier | undefined {
    if (predecessor) return predecessor.info.bringsId ? { reached: predecessor.reached } : undefined;
    const gone = this.#departed.get(id);
    return gone?.bringsId && gone.user === user ? gone : undefined;
  }

  /** The position up to which a client without an id of its own may have missed events that were sent to it alone. */
  unclaimed(user: string | undefined): Position {
    return user === undefined ? this.#unclaimed : (this.users.find(user)?.unclaimed ?? 0);
  }

  enter(client: Client): void {
    this.#clients.set(client.info.id, client);
  }

  /** An event was sent to an unknown client, whose page learns about it if it comes back. */
  miss(id: string): void {
    const position = this.timeline.leaveOut();
    this.#missing.set(id, position);
    const gone = this.#departed.get(id);
    if (gone && !gone.bringsId) this.#loseOf(gone.user, position);
  }

  /** An event was sent to a single client that has gone. */
  lose(client: Client, position: Position): void {
    if (!client.info.bringsId) this.#loseOf(client.info.user, position);
  }

  #loseOf(user: string | undefined, position: Position): void {
    if (user === undefined) this.#unclaimed = Math.max(this.#unclaimed, position);
    else this.users.of(user).unclaimed = Math.max(this.users.of(user).unclaimed, position);
  }

  /** A client has gone: keeps its place if there is something to come back to. */
  depart(client: Client): void {
    const isReplaced = this.#clients.get(client.info.id) !== client;
    if (isReplaced) return;
    const hasCommands = client.active().some(({ isNamed }) => !isNamed);
    if (client.info.bringsId || client.newestOwn > 0) {
      client.awaySince = this.timeline.clock.now;
      this.lose(client, hasCommands ? this.timeline.head + 1 : client.newestOwn);
      return;
    }
    this.#remember(client);
    this.#clients.delete(client.info.id);
    client.isListed = false;
  }

  #remember({ info: { id, user, bringsId }, reached }: Client): void {
    this.#departed.set(id, { user, bringsId, reached });
  }

  /** Gives up a client that is away: its id is free, and the events that were sent to it alone are dropped. */
  giveUp(client: Client): void {
    client.isListed = false;
    this.#clients.delete(client.info.id);
    this.#missing.set(client.info.id, Math.max(this.missingOf(client.info.id), client.newestOwn));
    this.#remember(client);
    client.own?.clear();
  }

  /** Gives up clients that have been away for too long. */
  expire(): void {
    const deadline = this.timeline.clock.now - this.timeline.settings.number('history.maxAgeMs');
    for (const client of this.away) if (client.awaySince <= deadline) this.giveUp(client);
  }
}
