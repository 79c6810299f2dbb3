import { setTimeout as sleep } from 'node:timers/promises';
import { SSEService } from '@/features/sse';
import { closeOrder, ownerOf } from '@/lib/orders';

const STEP_MS = 400;

/** Stands for the real work: about two seconds, and no money on the card of an order whose id starts with `fail`. */
export async function processOrderLogic(orderId: string): Promise<void> {
  const userId = ownerOf(orderId);
  try {
    for (const percent of [20, 40, 60, 80]) {
      await sleep(STEP_MS);
      if (percent === 60 && orderId.startsWith('fail')) throw new Error('card declined');
      if (userId) {
        SSEService.getInstance().sendToUser(userId, { event: 'order-progress', data: { orderId, percent } });
      }
    }
    await sleep(STEP_MS);
  } finally {
    closeOrder(orderId);
  }
}
