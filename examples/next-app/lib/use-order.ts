'use client';

import { useReducer, useRef, useState } from 'react';
import { channelOf } from '@/lib/order-channel';
import type { OrderSnapshot } from '@/lib/order-snapshot';
import { type OrderView, orderReducer } from '@/lib/order-view';
import { post } from '@/lib/post';
import type { StreamEvent } from '@/lib/stream-events';
import { type Connection, useEventStream } from '@/lib/use-event-stream';
import type { Watcher } from '@/lib/watchers';

export interface LiveOrder {
  view: OrderView;
  connection: Connection;
  /** Shows another order, with the same stream. */
  show(orderId: string): Promise<void>;
}

/** The stream's client, and its channels. */
interface Subscribed {
  clientId: string;
  channels: Set<string>;
}

/** An order, from its snapshot on. */
export function useOrder(first: OrderSnapshot): LiveOrder {
  const [view, apply] = useReducer(orderReducer, first);
  const [query] = useState(() => queryOf(first));
  const connection = useEventStream(null, receive, query);
  const stream = useRef<Subscribed>({ clientId: '', channels: new Set() });
  const wanted = useRef(first.orderId);
  const fetching = useRef<AbortController>(undefined);
  const asking = useRef<AbortController>(undefined);
  /** Events that came while a snapshot is fetched, which may be older. */
  const waiting = useRef<StreamEvent[]>([]);

  function receive(event: StreamEvent) {
    if (fetching.current) waiting.current.push(event);
    else apply(event);
    follow(event);
  }

  /** Keeps the stream's channels to the one of the order, also after a reconnect, which asks for the first order's. */
  function follow({ type, data }: StreamEvent) {
    const { channels } = stream.current;
    if (type === 'ssekit:subscribed') channels.add(data.channel);
    if (type === 'ssekit:unsubscribed') channels.delete(data.channel);
    if (type === 'ssekit:ready') {
      stream.current = { clientId: data.clientId, channels: new Set(data.channels) };
      const isRight = data.channels?.join() === channelOf(wanted.current);
      if (!isRight) refetch();
    }
    if (type === 'ssekit:reset') refetch();
    if (type === 'ssekit:join' || type === 'ssekit:leave') askWhoWatches();
  }

  function refetch() {
    // If it fails, the server is away again. The stream then comes back, and this is called once more.
    show(wanted.current).catch(() => {});
  }

  /** A user may watch in several tabs, so the server says who is left when one of them goes. The newest question counts. */
  async function askWhoWatches() {
    asking.current?.abort();
    const own = new AbortController();
    asking.current = own;
    const orderId = wanted.current;
    const watchers = await fetchJson<Watcher[]>(`/api/orders/${orderId}/watchers`, own.signal).catch(() => undefined);
    if (watchers && !own.signal.aborted) apply({ orderId, watchers });
  }

  async function show(orderId: string) {
    const before = wanted.current;
    wanted.current = orderId;
    fetching.current?.abort();
    const own = new AbortController();
    fetching.current = own;
    try {
      const snapshot = await fetchJson<OrderSnapshot>(`/api/orders/${orderId}`, own.signal);
      asking.current?.abort();
      apply(snapshot);
      await subscribe(stream.current, snapshot);
    } catch (error) {
      // A newer call has taken over.
      if (own.signal.aborted) return;
      wanted.current = before;
      throw error;
    } finally {
      if (fetching.current === own) {
        fetching.current = undefined;
        for (const event of waiting.current.splice(0)) apply(event);
      }
    }
  }

  return { view, connection, show };
}

/** Replaces the stream's channels by the one of the order, from its snapshot on. */
function subscribe({ clientId, channels }: Subscribed, { orderId, cursor }: OrderSnapshot): Promise<void> {
  const channel = channelOf(orderId);
  const others = [...channels].filter((name) => name !== channel);
  return post('/api/sse', { clientId, subscribe: [{ channel, since: cursor }], unsubscribe: others });
}

/** The page was rendered with everything up to the cursor. */
function queryOf({ cursor, orderId }: OrderSnapshot): string {
  return `?${new URLSearchParams({ since: cursor, channel: channelOf(orderId) })}`;
}

async function fetchJson<Content>(path: string, signal: AbortSignal): Promise<Content> {
  const response = await fetch(path, { signal });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}
