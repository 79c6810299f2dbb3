import { fail, readJson } from '@/lib/http';
import { notifyUser } from '@/lib/notifications';
import { userFromRequest } from '@/lib/session';
import { findUser } from '@/lib/users';

export async function POST(request: Request) {
  if (!userFromRequest(request)) return fail(401, 'log in first');

  const { userId, message } = await readJson(request);
  const target = findUser(userId);
  if (!target) return fail(400, 'userId must be one of the demo users');
  if (typeof message !== 'string' || !message) return fail(400, 'message must be a string that is not empty');

  await notifyUser(target.id, message);
  return Response.json({ sent: true });
}
