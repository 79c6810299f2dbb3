import { createSSERoute } from 'ssekit/next';
import { entriesOf } from '@/lib/order-book';
import { orderIn } from '@/lib/order-channel';
import { userFromRequest } from '@/lib/session';
import type { ClientData } from '@/lib/watchers';

export const { GET, POST } = createSSERoute({
  identify: (request) => {
    const user = userFromRequest(request);
    if (!user) return null;
    const data: ClientData = { name: user.name };
    return { userId: user.id, data: { ...data } };
  },
  // In the demo, every user may watch every order.
  authorize: (channel) => {
    const orderId = orderIn(channel);
    return orderId !== undefined && entriesOf(orderId) !== undefined;
  },
});
