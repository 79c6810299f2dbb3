import { after } from 'next/server';
import { fail, readJson } from '@/lib/http';
import { processOrder } from '@/lib/jobs/process-order';
import { openOrder } from '@/lib/orders';
import { userFromRequest } from '@/lib/session';

export async function POST(request: Request) {
  const user = userFromRequest(request);
  if (!user) return fail(401, 'log in first');

  const { fails } = await readJson(request);
  const orderId = openOrder(user.id, fails === true);
  after(() => processOrder(orderId, user.id));
  return Response.json({ orderId }, { status: 202 });
}
