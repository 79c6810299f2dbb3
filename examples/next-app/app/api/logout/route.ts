import { cookies } from 'next/headers';
import { SSEService } from '@/features/sse';
import { seeOther } from '@/lib/http';
import { SESSION_COOKIE, userFromRequest } from '@/lib/session';

export async function POST(request: Request) {
  const user = userFromRequest(request);
  (await cookies()).delete(SESSION_COOKIE);
  // Otherwise the user's other tabs would go on receiving. They reconnect without the cookie, and get a 401.
  if (user) SSEService.getInstance().disconnectUser(user.id);
  return seeOther('/');
}
