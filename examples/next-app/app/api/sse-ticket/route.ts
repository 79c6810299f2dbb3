import { createTicketRoute } from 'ssekit/next';
import { userFromRequest } from '@/lib/session';

/** Opens a stream at ssekit's own server, if that is switched on: see `lib/listener.ts`. */
export const { POST } = createTicketRoute({
  identify: (request) => userFromRequest(request)?.id ?? null,
});
