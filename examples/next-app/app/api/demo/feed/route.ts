import { feedOf } from '@/lib/feed-snapshot';
import { fail } from '@/lib/http';
import { userFromRequest } from '@/lib/session';

/** What a page shows that has missed events. */
export async function GET(request: Request) {
  const user = userFromRequest(request);
  return user ? Response.json(await feedOf(user.id)) : fail(401, 'log in first');
}
