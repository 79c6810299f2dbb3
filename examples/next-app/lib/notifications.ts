// biome-ignore-all format: this is the integration guide's code, as it stands there
import { SSEService } from '@/features/sse';

// In your webhook handler, job processor, etc.
export async function notifyUser(userId: string, message: string) {
  const sseService = SSEService.getInstance();

  sseService.sendToUser(userId, {
    event: 'notification',
    data: {
      message,
      timestamp: new Date().toISOString()
    }
  });
}

export async function broadcastSystemMessage(message: string) {
  const sseService = SSEService.getInstance();

  sseService.broadcast({
    event: 'system-announcement',
    data: { message, type: 'info' }
  });
}
