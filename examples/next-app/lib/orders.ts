import { randomUUID } from 'node:crypto';

// A job contains only the order's id, and looks up here which user gets its progress. In memory, because this is a
// demo: the code that starts the job remembers the owner first.
const owners = new Map<string, string>();

export function newOrderId(fails: boolean): string {
  return `${fails ? 'fail' : 'order'}-${randomUUID().slice(0, 8)}`;
}

export function openOrder(orderId: string, userId: string): void {
  owners.set(orderId, userId);
}

export function ownerOf(orderId: string): string | undefined {
  return owners.get(orderId);
}

export function closeOrder(orderId: string): void {
  owners.delete(orderId);
}
