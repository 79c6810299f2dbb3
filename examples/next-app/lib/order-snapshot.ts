import { cursor } from 'ssekit/next';
import { entriesOf } from '@/lib/order-book';
import type { OrderEntry } from '@/lib/order-list';
import { type Watcher, watchersOf } from '@/lib/watchers';

/** An order at one moment. The stream goes on from `cursor`. */
export interface OrderSnapshot {
  cursor: string;
  orderId: string;
  /** The oldest first. */
  entries: readonly OrderEntry[];
  watchers: readonly Watcher[];
}

export async function snapshotOf(orderId: string): Promise<OrderSnapshot | undefined> {
  // First the cursor, then the data: what happens in between comes with the stream as well, and the page knows it by its number.
  const since = await cursor();
  const entries = entriesOf(orderId);
  return entries && { cursor: since, orderId, entries, watchers: watchersOf(orderId) };
}
