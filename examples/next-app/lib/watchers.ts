import type { Member } from 'ssekit/react';

/** The data that the app gives about each client. */
export interface ClientData {
  name: string;
}

/** A user who watches an order, in one tab or several. */
export interface Watcher {
  userId: string;
  name: string;
  tabs: number;
}

/** A user with several tabs is several members. */
export function watchersIn(members: readonly Member[]): Watcher[] {
  const byUser = new Map<string, Watcher>();
  for (const { userId, data } of members) {
    if (userId === null) continue;
    const { name = userId } = (data ?? {}) as Partial<ClientData>;
    byUser.set(userId, { userId, name, tabs: (byUser.get(userId)?.tabs ?? 0) + 1 });
  }
  return [...byUser.values()].sort((one, other) => one.name.localeCompare(other.name));
}
