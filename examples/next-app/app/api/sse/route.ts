import { createSSERoute } from 'ssekit/next';
import { userFromRequest } from '@/lib/session';

export const { GET } = createSSERoute({
  identify: (request) => userFromRequest(request)?.id ?? null,
});
