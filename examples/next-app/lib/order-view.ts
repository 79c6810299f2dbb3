import { channelOf } from '@/lib/order-channel';
import type { OrderSnapshot } from '@/lib/order-snapshot';
import type { StreamEvent } from '@/lib/stream-events';
import { watcherOf } from '@/lib/watcher';

/** The order that a page shows. */
export type OrderView = Omit<OrderSnapshot, 'cursor'>;

/** A snapshot takes the place of everything; an event that the view has seen changes nothing. */
export function orderReducer(view: OrderView, change: StreamEvent | OrderSnapshot): OrderView {
  return 'cursor' in change ? change : applyEvent(view, change);
}

function applyEvent(view: OrderView, { type, data }: StreamEvent): OrderView {
  switch (type) {
    case 'order-entry': {
      const isKnown = data.orderId !== view.orderId || view.entries.some(({ number }) => number === data.number);
      return isKnown ? view : { ...view, entries: [...view.entries, data] };
    }
    case 'ssekit:join':
    case 'ssekit:leave': {
      if (data.channel !== channelOf(view.orderId)) return view;
      const changed = watcherOf(data.userId, data.data);
      const others = view.watchers.filter(({ tab }) => tab !== changed[0]?.tab);
      return { ...view, watchers: type === 'ssekit:join' ? [...others, ...changed] : others };
    }
    default:
      return view;
  }
}
