import type { AnyEvent } from 'ssekit/client';
import type { OnlineUser } from '@/features/sse';

const INBOX_LIMIT = 50;
const ORDER_LIMIT = 12;

export type InboxKind = 'notification' | 'payment-completed' | 'system-announcement';

export interface InboxItem {
  /** The id of its event, by which a page knows the items that it has. */
  id: string;
  kind: InboxKind;
  text: string;
  /** When it was sent, if its event says so. */
  at?: string;
}

export interface Order {
  id: string;
  state: 'started' | 'progress' | 'completed' | 'error';
  percent: number;
  error?: string;
}

/** What a user's page shows. Lists are newest first. */
export interface Feed {
  online: OnlineUser[];
  inbox: InboxItem[];
  orders: Order[];
}

export const emptyFeed: Feed = { online: [], inbox: [], orders: [] };

/** The feed after an event. The server makes the first feed with it, and the page goes on from there. */
export function applyEvent(feed: Feed, event: AnyEvent): Feed {
  switch (event.event) {
    case 'presence':
      return { ...feed, online: event.data.online };
    case 'notification':
      return addToInbox(feed, {
        id: event.id,
        kind: event.event,
        text: event.data.message,
        at: event.data.timestamp,
      });
    case 'payment-completed':
      return addToInbox(feed, {
        id: event.id,
        kind: event.event,
        text: `Payment of ${formatAmount(event.data.amount)} completed`,
      });
    case 'system-announcement':
      return addToInbox(feed, { id: event.id, kind: event.event, text: event.data.message });
    case 'order-processing':
      return updateOrder(feed, { id: event.data.orderId, state: 'started', percent: 0 });
    case 'order-progress':
      return updateOrder(feed, { id: event.data.orderId, state: 'progress', percent: event.data.percent });
    case 'order-completed':
      return updateOrder(feed, { id: event.data.orderId, state: 'completed', percent: 100 });
    case 'order-error':
      return updateOrder(feed, { id: event.data.orderId, state: 'error', error: event.data.error });
    default:
      // ssekit's own, and those of a channel, which only the order page has.
      return feed;
  }
}

function addToInbox(feed: Feed, item: InboxItem): Feed {
  if (feed.inbox.some(({ id }) => id === item.id)) return feed;
  return { ...feed, inbox: [item, ...feed.inbox].slice(0, INBOX_LIMIT) };
}

function updateOrder(feed: Feed, change: Partial<Order> & Pick<Order, 'id' | 'state'>): Feed {
  const known = feed.orders.find((order) => order.id === change.id);
  const orders = known
    ? feed.orders.map((order) => (order === known ? { ...order, ...change } : order))
    : [{ percent: 0, ...change }, ...feed.orders].slice(0, ORDER_LIMIT);
  return { ...feed, orders };
}

function formatAmount(amount: unknown): string {
  return typeof amount === 'number' ? amount.toFixed(2) : String(amount);
}
