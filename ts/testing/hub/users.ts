/** The users of a hub: their logs, their clients in the order of arrival, and whether they are online. */

import type { Client } from './client.js';
import type { Position } from './epoch.js';
import { EventLog } from './event-log.js';
import type { Notices } from './notices.js';
import type { Timeline } from './timeline.js';

export interface User {
  id: string;
  log: EventLog;
  clients: Client[];
  /** Listeners know that the user is online, and not yet that they are offline. */
  isOnline: boolean;
  /** Up to here, events were lost that were sent to single clients which nobody can come back as. */
  unclaimed: Position;
  /** Forgets that the user is about to go offline. */
  stay: (() => void) | undefined;
}

export class Users {
  readonly #users = new Map<string, User>();

  constructor(
    readonly timeline: Timeline,
    readonly notices: Notices,
  ) {}

  /** A new user begins with its first event or client. */
  of(id: string): User {
    const known = this.#users.get(id);
    if (known) return known;
    const user: User = { id, log: new EventLog(), clients: [], isOnline: false, unclaimed: 0, stay: undefined };
    this.#users.set(id, user);
    return user;
  }

  find(id: string): User | undefined {
    return this.#users.get(id);
  }

  get online(): number {
    return [...this.#users.values()].filter(({ clients }) => clients.length > 0).length;
  }

  join(client: Client): void {
    if (client.info.user === undefined) return;
    const user = this.of(client.info.user);
    user.stay?.();
    user.stay = undefined;
    user.clients.push(client);
    client.userLog = user.log;
  }

  /** Called once listeners know of the client. */
  comeOnline(id: string | undefined): void {
    const user = id === undefined ? undefined : this.find(id);
    if (!user || user.isOnline || user.clients.length === 0) return;
    user.isOnline = true;
    this.notices.tell({ type: 'userOnline', userId: user.id });
  }

  leave(client: Client): void {
    const user = client.info.user === undefined ? undefined : this.find(client.info.user);
    if (!user) return;
    const before = user.clients.length;
    user.clients = user.clients.filter((other) => other !== client);
    if (before === 0 || user.clients.length > 0) return;
    user.stay?.();
    const { clock, settings } = this.timeline;
    user.stay = clock.after(settings.number('presenceGraceMs'), () => this.#goOffline(user));
  }

  #goOffline(user: User): void {
    user.stay = undefined;
    if (!user.isOnline || user.clients.length > 0) return;
    user.isOnline = false;
    this.notices.tell({ type: 'userOffline', userId: user.id });
  }

  /** Also a moment after the last client has left. */
  isOnline(id: string): boolean {
    const user = this.find(id);
    return user !== undefined && (user.clients.length > 0 || user.stay !== undefined);
  }
}
