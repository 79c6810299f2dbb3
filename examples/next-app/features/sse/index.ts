import type { OrderEntry } from '@/lib/order-list';

export type { ClientDetails, ClientInfo, DisconnectInfo, SSEEvent, SSEEventMap, SSEStats, UserId } from 'ssekit';
export { SSEService } from 'ssekit';

// The history is in this folder, so that it survives a restart. An empty SSEKIT_DATA_DIR keeps it in memory.
if (!process.env.SSEKIT_REDIS_URL) process.env.SSEKIT_DATA_DIR ??= '.data';

export interface OnlineUser {
  userId: string;
  tabs: number;
}

declare module 'ssekit' {
  /** The events of this app, for the code that sends and for the pages. */
  interface SSEEventMap {
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
}
