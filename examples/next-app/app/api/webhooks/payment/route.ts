// biome-ignore-all format: this is the integration guide's code, as it stands there
// app/api/webhooks/payment/route.ts
import { SSEService } from '@/features/sse';

export async function POST(request: Request) {
  const payload = await request.json();

  if (payload.event === 'payment.completed') {
    const sseService = SSEService.getInstance();

    // Notify the specific user
    sseService.sendToUser(payload.userId, {
      event: 'payment-completed',
      data: {
        amount: payload.amount,
        status: 'completed'
      }
    });

  }

  return Response.json({ received: true });
}
