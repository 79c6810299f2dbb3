import { after } from 'next/server';
import { fail, readJson } from '@/lib/http';
import { processOrder } from '@/lib/jobs/process-order';
import { newOrderId, openOrder } from '@/lib/orders';
import { enqueueOrder } from '@/lib/queue';
import { userFromRequest } from '@/lib/session';

export async function POST(request: Request) {
  const user = userFromRequest(request);
  if (!user) return fail(401, 'log in first');

  const { fails } = await readJson(request);
  const orderId = newOrderId(fails === true);
  // With a queue, a worker in another process does it; else it is done here, after the response.
  if (!(await enqueueOrder({ orderId, userId: user.id }))) {
    openOrder(orderId, user.id);
    after(() => processOrder(orderId, user.id));
  }
  return Response.json({ orderId }, { status: 202 });
}
