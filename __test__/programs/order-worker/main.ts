/** A worker that processes the orders which its parent names, by the guide's own code. It has no clients. */
import { SSEService } from '@/features/sse';
import { processOrder } from '@/lib/jobs/process-order';
import { openOrder } from '@/lib/orders';

const sse = SSEService.getInstance();

process.on('message', async ({ orderId, userId }: { orderId: string; userId: string }) => {
  openOrder(orderId, userId);
  await processOrder(orderId, userId);
  await sse.flush();
  process.send?.({ done: orderId });
});
sse.ready().then((isReady) => process.send?.({ isReady, online: sse.getActiveClients() }));
