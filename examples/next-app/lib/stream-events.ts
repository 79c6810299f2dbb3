import type { OrderEntry } from '@/lib/order-list';

export interface OnlineUser {
  userId: string;
  tabs: number;
}

/** A client has come to a channel, or is gone. */
interface Presence {
  channel: string;
  member: string;
  userId: string | null;
  data?: unknown;
}

/** Every event that the page listens for, with its data. `ssekit:` events are ssekit's own. */
export interface StreamEvents {
  'ssekit:ready': { clientId: string; userId: string | null; resumed: boolean; channels?: string[] };
  'ssekit:reset': { reason: string };
  'ssekit:subscribed': { channel: string };
  'ssekit:unsubscribed': { channel: string };
  'ssekit:join': Presence;
  'ssekit:leave': Presence;
  node: { name: string };
  presence: { online: OnlineUser[] };
  notification: { message: string; timestamp: string };
  'payment-completed': { amount: number; status: string };
  'system-announcement': { message: string; type: string };
  'order-processing': { orderId: string; status: string };
  'order-progress': { orderId: string; percent: number };
  'order-completed': { orderId: string; status: string };
  'order-error': { orderId: string; error: string };
  'order-entry': OrderEntry;
}

export type StreamEvent = {
  [Type in keyof StreamEvents]: { type: Type; data: StreamEvents[Type]; id: string; receivedAt: number };
}[keyof StreamEvents];

// A record, so that the compiler tells when a name is missing: EventSource drops events that nobody listens for.
const listenedFor: Record<keyof StreamEvents, true> = {
  'ssekit:ready': true,
  'ssekit:reset': true,
  'ssekit:subscribed': true,
  'ssekit:unsubscribed': true,
  'ssekit:join': true,
  'ssekit:leave': true,
  node: true,
  presence: true,
  notification: true,
  'payment-completed': true,
  'system-announcement': true,
  'order-processing': true,
  'order-progress': true,
  'order-completed': true,
  'order-error': true,
  'order-entry': true,
};

export const EVENT_TYPES = Object.keys(listenedFor) as (keyof StreamEvents)[];
