/** Tickets for pages, as a Next.js route handler. The app checks the page's session, because only the app knows it. */
import type { NewTicket, UserId } from '../../index';
import { SSEService } from '../server/service.js';
import { ticketOptions } from '../server/tickets.js';
import { checkOptions, identified } from './identified.js';

/** The result of `identify`: who asks for a ticket. */
export type TicketIdentity =
  /** This user. */
  | UserId
  /** An unknown visitor. The request gets 401. */
  | null
  | undefined
  /** This user, with more options, or `anonymous: true`. Any other value without a user gets 401. */
  | NewTicket
  /** Your own answer instead of a ticket. */
  | Response;

export interface TicketRouteOptions {
  /** Returns whose ticket it is, from the request's cookies or headers. If it throws, Next.js answers with 500. */
  identify(request: Request): TicketIdentity | Promise<TicketIdentity>;
  /** The time for which tickets are valid and their streams may last, in seconds. Default: 3,600. */
  ttl?: number;
}

/**
 * Makes a route handler for `app/…/route.ts`: `export const { POST } = createTicketRoute({ identify })`. It answers
 * `{ ticket, expiresIn }`, which only pages of the app's own origin can read. `expiresIn` is in seconds.
 */
export function createTicketRoute(options: TicketRouteOptions): { POST: (request: Request) => Promise<Response> } {
  checkOptions(options, '{ identify, ttl? }');
  return {
    async POST(request) {
      const identity = await identified<NewTicket>(request, await options.identify(request), ticketOptions());
      if (identity instanceof Response) return identity;
      const ttl = identity.ttl ?? options.ttl ?? 3_600;
      const ticket = SSEService.getInstance().issueTicket({ ...identity, ttl });
      return Response.json({ ticket, expiresIn: ttl }, { headers: { 'cache-control': 'no-store' } });
    },
  };
}
