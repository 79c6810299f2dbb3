/** Tickets open streams at a listener. */
import type { NewTicket } from '../../index';
import { checkClientId } from './arguments.js';
import { native } from './binding.js';
import { ticketSecrets } from './environment.js';
import { argumentError } from './errors.js';
import { userOf } from './identity.js';
import { toNativeText } from './options.js';
import { checkNumbers } from './validate.js';

/** In seconds. */
const DEFAULT_TTL = 3_600;

/** The options of a ticket. */
export const TICKET_OPTIONS: readonly (keyof NewTicket)[] = [
  'userId',
  'clientId',
  'anonymous',
  'ttl',
  'notBefore',
  'audience',
  'issuer',
  'secret',
];

export function issueTicket(ticket: NewTicket = {}): string {
  const user = userOf('ticket', ticket, TICKET_OPTIONS);
  if (user === 'none') throw argumentError('ticket.userId', ticket.userId, 'a user, or `anonymous: true` beside it');
  const { userId: _, anonymous: __, clientId, audience, issuer, secret, ...times } = ticket;
  const { ttl = DEFAULT_TTL, notBefore = 0 } = checkNumbers('ticket', { ...times }, ['ttl', 'notBefore']);
  const claims = {
    userId: user.id,
    clientId: clientId === undefined ? undefined : checkClientId('clientId', clientId),
    ttlSeconds: ttl,
    notBeforeSeconds: notBefore,
    audience: text('ticket.audience', audience),
    issuer: text('ticket.issuer', issuer),
  };
  if (secret !== undefined && typeof secret !== 'string')
    throw argumentError('ticket.secret', typeof secret, 'a string');
  const signed = native().issueTicket(toNativeText(claims), secret ?? ticketSecrets(process.env)[0]);
  if (typeof signed === 'string') return signed;
  const message =
    'there is no secret to sign a ticket with: pass `secret`, set SSEKIT_TICKET_SECRET, or listen with one';
  throw Object.assign(new Error(message), { code: 'ERR_SSEKIT_SECRET' });
}

function text(argument: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw argumentError(argument, value, 'a string');
}
