import { fail } from '@/lib/http';
import { userFromRequest } from '@/lib/session';
import { watchersOf } from '@/lib/watchers';

export async function GET(request: Request, { params }: { params: Promise<{ id: string }> }) {
  if (!userFromRequest(request)) return fail(401, 'log in first');
  return Response.json(watchersOf((await params).id));
}
