import type { Queue } from 'bullmq';
import { putJob } from '@/lib/file-queue';

/** The data of an order's job. */
export interface OrderJob {
  orderId: string;
  userId: string;
}

export const ORDERS = 'orders';

let orders: Promise<Queue<OrderJob>> | undefined;

/**
 * Leaves an order's job to a worker in another process (`examples/cluster`): DEMO_QUEUE_URL names the Redis of a BullMQ queue, or
 * DEMO_QUEUE_DIR a folder on the same machine. Without either it returns false: the job is then for this process.
 */
export async function enqueueOrder(job: OrderJob): Promise<boolean> {
  const folder = process.env.DEMO_QUEUE_DIR;
  if (folder) {
    putJob(folder, job);
    return true;
  }
  const url = process.env.DEMO_QUEUE_URL;
  if (!url) return false;
  orders ??= openQueue(url);
  await (await orders).add('process-order', job, { removeOnComplete: true, removeOnFail: 100 });
  return true;
}

/** BullMQ is loaded here, so that an app without a queue does without it. */
async function openQueue(url: string): Promise<Queue<OrderJob>> {
  const { Queue } = await import('bullmq');
  const queue = new Queue<OrderJob>(ORDERS, { connection: { url } });
  queue.on('error', (error) => console.error(`queue: ${error.message}`));
  return queue;
}
