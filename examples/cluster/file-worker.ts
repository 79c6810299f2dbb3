/** The worker for one machine without Redis: jobs are files in a folder, and the history is in another. */
import { setTimeout as delay } from 'node:timers/promises';
import { SSEService } from '@/features/sse';
import { takeJob } from '@/lib/file-queue';
import { processOrder } from '@/lib/jobs/process-order';
import { openOrder } from '@/lib/orders';
import type { OrderJob } from '@/lib/queue';

const LOOK_AGAIN_MS = 100;

const folder = process.env.DEMO_QUEUE_DIR;
if (!folder) throw new Error('DEMO_QUEUE_DIR has to name a folder');

const running = new Set<Promise<void>>();
let isEnding = false;

async function work(folder: string): Promise<void> {
  await SSEService.getInstance().ready();
  console.log('worker: ready');
  while (!isEnding) {
    for (let job = takeJob(folder); job; job = takeJob(folder)) begin(job);
    await delay(LOOK_AGAIN_MS);
  }
}

function begin({ orderId, userId }: OrderJob): void {
  openOrder(orderId, userId);
  const done = processOrder(orderId, userId);
  running.add(done);
  done.finally(() => running.delete(done));
}

// It finishes what it has begun, and hands on what it has sent, if that can be had.
process.once('SIGTERM', async () => {
  isEnding = true;
  await Promise.all(running);
  await SSEService.getInstance()
    .flush()
    .catch((error: Error) => console.error(`worker: ${error.message}`));
  process.exit();
});

work(folder);
