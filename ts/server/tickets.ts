/** Tickets open streams at a listener. */
import type { NewTicket } from '../../index';
import { native } from './binding.js';
import { ticketSecrets } from './environment.js';
import { withCode } from './error-codes.js';
import { argumentError } from './errors.js';
import { userOf } from './identity.js';
import { namesOf } from './options.js';

let options: string[] | undefined;

/** The options that a ticket may have. */
export function ticketOptions(): string[] {
  options ??= namesOf(native().describeOptions().ticket);
  return options;
}

export function issueTicket(ticket: NewTicket = {}): string {
  const user = userOf('ticket', ticket, ticketOptions());
  if (user === 'none') throw argumentError('ticket.userId', ticket.userId, 'a user, or `anonymous: true` instead');
  const signed = native().issueTicket({ ...ticket, userId: user.id }, ticketSecrets(process.env)[0]);
  if (typeof signed === 'string') return signed;
  const message =
    'ticket.secret: got none, wants a secret of at least 32 bytes here, in SSEKIT_TICKET_SECRET or in `tickets` of a listener';
  throw withCode(new Error(message), 'ERR_SSEKIT_SECRET');
}
