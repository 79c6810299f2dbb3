import { cursor } from 'ssekit/next';
import type { Member } from 'ssekit/react';
import { SSEService } from '@/features/sse';
import { entriesOf } from '@/lib/order-book';
import { channelOf } from '@/lib/order-channel';
import type { OrderEntry } from '@/lib/order-list';

/** An order at one moment. The stream goes on from `since`. */
export interface OrderSnapshot {
  since: string;
  orderId: string;
  /** The oldest first. */
  entries: readonly OrderEntry[];
  /** The clients that watch it. */
  members: readonly Member[];
}

export async function snapshotOf(orderId: string): Promise<OrderSnapshot | undefined> {
  // First the cursor, then the data: what happens in between comes with the stream as well, and the page knows it by its number.
  const since = await cursor();
  const entries = entriesOf(orderId);
  return entries && { since, orderId, entries, members: membersOf(orderId) };
}

/** Without the clients' ids, which are for the server only. */
function membersOf(orderId: string): Member[] {
  const clients = SSEService.getInstance().getClients({ channel: channelOf(orderId) });
  return clients.map(({ member, userId, data }) => ({ member, userId, data }));
}
