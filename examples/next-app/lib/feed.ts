import type { OnlineUser, StreamEvent } from '@/lib/stream-events';

const INBOX_LIMIT = 50;
const ORDER_LIMIT = 12;
const WIRE_LIMIT = 40;

export type InboxKind = 'notification' | 'payment-completed' | 'system-announcement';

export interface InboxItem {
  key: number;
  kind: InboxKind;
  text: string;
  at: number;
}

export interface Order {
  id: string;
  state: 'started' | 'progress' | 'completed' | 'error';
  percent: number;
  error?: string;
}

export interface WireEvent {
  key: number;
  event: StreamEvent;
}

/** The content of the page, made from nothing but the events of its stream. Lists are newest first. */
export interface Feed {
  received: number;
  /** The server that holds the stream, where there are several. */
  node: string | null;
  /** `null`: no presence event yet. */
  online: OnlineUser[] | null;
  inbox: InboxItem[];
  orders: Order[];
  wire: WireEvent[];
  resetReason: string | null;
}

export const emptyFeed: Feed = {
  received: 0,
  node: null,
  online: null,
  inbox: [],
  orders: [],
  wire: [],
  resetReason: null,
};

export function feedReducer(feed: Feed, event: StreamEvent): Feed {
  const received = feed.received + 1;
  const wire = [{ key: received, event }, ...feed.wire].slice(0, WIRE_LIMIT);
  return applyEvent({ ...feed, received, wire }, event);
}

function applyEvent(feed: Feed, event: StreamEvent): Feed {
  switch (event.type) {
    case 'ssekit:reset':
      // Something was missed, so what was known of the others is worth nothing: the page falls back to the server's state.
      return { ...feed, online: null, resetReason: event.data.reason };
    case 'node':
      return { ...feed, node: event.data.name };
    case 'presence':
      return { ...feed, online: event.data.online };
    case 'notification':
      return addToInbox(feed, event.type, event.data.message, Date.parse(event.data.timestamp));
    case 'payment-completed':
      return addToInbox(feed, event.type, `Payment of ${formatAmount(event.data.amount)} completed`, event.receivedAt);
    case 'system-announcement':
      return addToInbox(feed, event.type, event.data.message, event.receivedAt);
    case 'order-processing':
      return updateOrder(feed, { id: event.data.orderId, state: 'started', percent: 0 });
    case 'order-progress':
      return updateOrder(feed, { id: event.data.orderId, state: 'progress', percent: event.data.percent });
    case 'order-completed':
      return updateOrder(feed, { id: event.data.orderId, state: 'completed', percent: 100 });
    case 'order-error':
      return updateOrder(feed, { id: event.data.orderId, state: 'error', error: event.data.error });
    default:
      // Of a channel, which only the order page has.
      return feed;
  }
}

function addToInbox(feed: Feed, kind: InboxKind, text: string, at: number): Feed {
  const item = { key: feed.received, kind, text, at };
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
