import { createInspectorRoute } from 'ssekit/next';
import { userFromRequest } from '@/lib/session';

export const { GET, POST } = createInspectorRoute({
  // In the demo, everybody who is logged in may see and do everything.
  authorize: (request) => userFromRequest(request) !== undefined && { data: true, send: true, disconnect: true },
});
