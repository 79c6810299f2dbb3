import { createSSERoute } from 'ssekit/next';
import { entriesOf } from '@/lib/order-book';
import { orderIn } from '@/lib/order-channel';
import { userFromRequest } from '@/lib/session';
import type { TabData } from '@/lib/watcher';

export const { GET, POST } = createSSERoute({
  identify: (request) => {
    const user = userFromRequest(request);
    if (!user) return null;
    const data: TabData = { name: user.name, tab: tabOf(request) };
    return { userId: user.id, data: { ...data } };
  },
  // In the demo, every user may watch every order.
  authorize: (channel) => {
    const orderId = orderIn(channel);
    return orderId !== undefined && entriesOf(orderId) !== undefined;
  },
});

/** The name that the order page's HTML gave to its tab. */
function tabOf(request: Request): string | undefined {
  return new URL(request.url).searchParams.get('tab')?.slice(0, 36);
}
