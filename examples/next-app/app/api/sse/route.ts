import { createSSERoute } from 'ssekit/next';
import { userFromRequest } from '@/lib/session';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';

export const { GET } = createSSERoute({
  identify: (request) => userFromRequest(request)?.id ?? null,
});
