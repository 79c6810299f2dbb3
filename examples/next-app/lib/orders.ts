import { randomUUID } from 'node:crypto';

// An order's job is given the order's id alone, and looks up here whom to tell about progress. In memory, for this is a
// demo; the route that opens an order and the job share a bundle, and with it this map.
const owners = new Map<string, string>();

export function openOrder(userId: string, fails: boolean): string {
  const orderId = `${fails ? 'fail' : 'order'}-${randomUUID().slice(0, 8)}`;
  owners.set(orderId, userId);
  return orderId;
}

export function ownerOf(orderId: string): string | undefined {
  return owners.get(orderId);
}

export function closeOrder(orderId: string): void {
  owners.delete(orderId);
}
