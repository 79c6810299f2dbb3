// biome-ignore-all format: this is the integration guide's code, as it stands there
// lib/jobs/process-order.ts
import { SSEService } from '@/features/sse';
import { processOrderLogic } from './process-order-logic';

export async function processOrder(orderId: string, userId: string) {
  const sseService = SSEService.getInstance();

  // Notify start
  sseService.sendToUser(userId, {
    event: 'order-processing',
    data: { orderId, status: 'started' }
  });

  try {
    // Process order...
    await processOrderLogic(orderId);

    // Notify completion
    sseService.sendToUser(userId, {
      event: 'order-completed',
      data: { orderId, status: 'completed' }
    });

  } catch (error) {
    // Notify error
    sseService.sendToUser(userId, {
      event: 'order-error',
      data: { orderId, error: error.message }
    });
  }
}
