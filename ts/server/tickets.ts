/** Tickets, which open streams at a listener. */
import type { NewTicket } from '../../index';
import { checkClientId, checkUserId } from './arguments.js';
import { native } from './binding.js';
import { ticketSecrets } from './environment.js';
import { argumentError } from './errors.js';
import { checkNumbers, checkObject, toNativeText } from './options.js';

/** In seconds. */
const DEFAULT_TTL = 3_600;

export function issueTicket(ticket: NewTicket = {}): string {
  const { userId, clientId, audience, issuer, secret, ...times } = checkObject('ticket', ticket) as NewTicket;
  const { ttl = DEFAULT_TTL, notBefore = 0 } = checkNumbers('ticket', times, ['ttl', 'notBefore'], OTHERS);
  const claims = {
    userId: userId === undefined || userId === null ? undefined : checkUserId(userId),
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

const OTHERS = ['userId', 'clientId', 'audience', 'issuer', 'secret'];

function text(argument: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw argumentError(argument, value, 'a string');
}
