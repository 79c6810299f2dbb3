/** A process without clients: it takes orders from the queue, and the customer sees the progress on either server. */
import { Worker } from 'bullmq';
import { SSEService } from '@/features/sse';
import { processOrder } from '@/lib/jobs/process-order';
import { openOrder } from '@/lib/orders';
import { ORDERS, type OrderJob } from '@/lib/queue';

const url = process.env.DEMO_QUEUE_URL;
if (!url) throw new Error('DEMO_QUEUE_URL has to name a Redis');

const worker = new Worker<OrderJob>(
  ORDERS,
  async ({ data: { orderId, userId } }) => {
    openOrder(orderId, userId);
    await processOrder(orderId, userId);
  },
  { connection: { url }, concurrency: 8 },
);

worker.on('ready', () => console.log('worker: ready'));
worker.on('error', (error) => console.error(`worker: ${error.message}`));

// It finishes what it has begun, and hands on what it has sent, if that can be had.
process.once('SIGTERM', async () => {
  await worker.close();
  await SSEService.getInstance()
    .flush()
    .catch((error: Error) => console.error(`worker: ${error.message}`));
  process.exit();
});
