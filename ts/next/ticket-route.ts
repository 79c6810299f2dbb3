/** Tickets for pages, as a Next.js route handler: the page's session is checked where it is known, in the app. */
import type { NewTicket, UserId } from '../../index';
import { SSEService } from '../server/service.js';

/** Who asks for a ticket. */
export type TicketIdentity =
  /** This user. */
  | UserId
  /** Nobody we know: answered with 401. */
  | null
  | undefined
  /** This user and more. */
  | NewTicket
  /** An answer of your own instead of a ticket. */
  | Response;

export interface TicketRouteOptions {
  /** Tells whose ticket it is, from the request's cookies or headers. What it throws, Next.js answers with 500. */
  identify(request: Request): TicketIdentity | Promise<TicketIdentity>;
  /** How long tickets are good, and their streams may last, in seconds. Default: 3,600. */
  ttl?: number;
}

/**
 * A route handler for `app/…/route.ts`: `export const { POST } = createTicketRoute({ identify })`. It answers
 * `{ ticket, expiresIn }`, which only pages of the app's own origin can read. `expiresIn` is in seconds.
 */
export function createTicketRoute(options: TicketRouteOptions): { POST: (request: Request) => Promise<Response> } {
  return {
    async POST(request) {
      const identity = await options.identify(request);
      if (identity === null || identity === undefined) return new Response('Unauthorized\n', { status: 401 });
      if (identity instanceof Response) return identity;
      const given = typeof identity === 'object' ? identity : { userId: identity };
      const ttl = given.ttl ?? options.ttl ?? 3_600;
      const ticket = SSEService.getInstance().issueTicket({ ...given, ttl });
      return Response.json({ ticket, expiresIn: ttl }, { headers: { 'cache-control': 'no-store' } });
    },
  };
}
