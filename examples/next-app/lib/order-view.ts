import type { OrderSnapshot } from '@/lib/order-snapshot';
import type { StreamEvent } from '@/lib/stream-events';

/** The order that a page shows. */
export type OrderView = Omit<OrderSnapshot, 'cursor'>;

/** A snapshot takes the place of everything; what is about another order, or known, changes nothing. */
export function orderReducer(
  view: OrderView,
  change: OrderSnapshot | Pick<OrderSnapshot, 'orderId' | 'watchers'> | StreamEvent,
): OrderView {
  if ('cursor' in change) return change;
  if ('watchers' in change) return change.orderId === view.orderId ? { ...view, ...change } : view;
  if (change.type !== 'order-entry' || change.data.orderId !== view.orderId) return view;
  const isKnown = view.entries.some(({ number }) => number === change.data.number);
  return isKnown ? view : { ...view, entries: [...view.entries, change.data] };
}
