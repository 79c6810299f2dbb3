export interface OnlineUser {
  userId: string;
  tabs: number;
}

/** Every event that the page listens for, with its data. `ssekit:` events are ssekit's own. */
export interface StreamEvents {
  'ssekit:ready': { clientId: string; userId: string | null; resumed: boolean };
  'ssekit:reset': { reason: string };
  node: { name: string };
  presence: { online: OnlineUser[] };
  notification: { message: string; timestamp: string };
  'payment-completed': { amount: number; status: string };
  'system-announcement': { message: string; type: string };
  'order-processing': { orderId: string; status: string };
  'order-progress': { orderId: string; percent: number };
  'order-completed': { orderId: string; status: string };
  'order-error': { orderId: string; error: string };
}

export type StreamEvent = {
  [Type in keyof StreamEvents]: { type: Type; data: StreamEvents[Type]; id: string; receivedAt: number };
}[keyof StreamEvents];

// A record, so that the compiler tells when a name is missing: EventSource drops events that nobody listens for.
const listenedFor: Record<keyof StreamEvents, true> = {
  'ssekit:ready': true,
  'ssekit:reset': true,
  node: true,
  presence: true,
  notification: true,
  'payment-completed': true,
  'system-announcement': true,
  'order-processing': true,
  'order-progress': true,
  'order-completed': true,
  'order-error': true,
};

export const EVENT_TYPES = Object.keys(listenedFor) as (keyof StreamEvents)[];
