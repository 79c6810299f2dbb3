/** Tickets for pages, as a Next.js route handler: the page's session is checked where it is known, in the app. */
import type { NewTicket, UserId } from '../../index';
import { SSEService } from '../server/service.js';
import { TICKET_OPTIONS } from '../server/tickets.js';
import { identified } from './identified.js';

/** Who asks for a ticket. */
export type TicketIdentity =
  /** This user. */
  | UserId
  /** Nobody we know: answered with 401. */
  | null
  | undefined
  /** This user and more, or `anonymous: true`. Anything else that names no user is answered with 401. */
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
      const given = await identified<NewTicket>(request, await options.identify(request), TICKET_OPTIONS);
      if (given instanceof Response) return given;
      const ttl = given.ttl ?? options.ttl ?? 3_600;
      const ticket = SSEService.getInstance().issueTicket({ ...given, ttl });
      return Response.json({ ticket, expiresIn: ttl }, { headers: { 'cache-control': 'no-store' } });
    },
  };
}
