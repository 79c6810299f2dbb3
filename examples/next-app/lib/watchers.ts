import { SSEService } from '@/features/sse';
import { channelOf } from '@/lib/order-channel';

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

export function watchersOf(orderId: string): Watcher[] {
  const byUser = new Map<string, Watcher>();
  for (const { userId, data } of SSEService.getInstance().getClients({ channel: channelOf(orderId) })) {
    if (userId === null) continue;
    const { name = userId } = (data ?? {}) as Partial<ClientData>;
    byUser.set(userId, { userId, name, tabs: (byUser.get(userId)?.tabs ?? 0) + 1 });
  }
  return [...byUser.values()].sort((one, other) => one.name.localeCompare(other.name));
}
