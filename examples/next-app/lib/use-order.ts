'use client';

import type { AnyEvent } from 'ssekit/client';
import { useLive, usePresence } from 'ssekit/react';
import { fetchJson } from '@/lib/fetch-json';
import { channelOf } from '@/lib/order-channel';
import type { OrderEntry } from '@/lib/order-list';
import type { OrderSnapshot } from '@/lib/order-snapshot';
import { type Watcher, watchersIn } from '@/lib/watchers';

export const fetchOrder = (orderId: string): Promise<OrderSnapshot> => fetchJson(`/api/orders/${orderId}`);

/** An order, from its snapshot on. Another snapshot shows another order, with the same stream. */
export function useOrder(snapshot: OrderSnapshot): { entries: readonly OrderEntry[]; watchers: Watcher[] } {
  const { orderId, since } = snapshot;
  const entries = useLive(snapshot.entries, {
    since,
    apply: (entries, event) => withEntry(entries, event, orderId),
    refetch: async () => {
      const { entries, since } = await fetchOrder(orderId);
      return { data: entries, since };
    },
  });
  const members = usePresence(channelOf(orderId), snapshot.members, {
    since,
    refetch: async () => {
      const { members, since } = await fetchOrder(orderId);
      return { data: members, since };
    },
  });
  return { entries, watchers: watchersIn(members) };
}

/** What is about another order, or known, changes nothing. */
function withEntry(entries: readonly OrderEntry[], event: AnyEvent, orderId: string): readonly OrderEntry[] {
  if (event.event !== 'order-entry' || event.data.orderId !== orderId) return entries;
  const isKnown = entries.some(({ number }) => number === event.data.number);
  return isKnown ? entries : [...entries, event.data];
}
