import { randomUUID } from 'node:crypto';

// An order's job is given the order's id alone, and looks up here whom to tell about progress. In memory, for this is a
// demo: whoever is about to do the job remembers the owner first.
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
