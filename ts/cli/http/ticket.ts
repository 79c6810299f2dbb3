/** Recognises a server that asks for a ticket. */
import type { HeaderFields } from './open.js';

/** Whether an answer asks for a bearer token (RFC 6750, section 3), as the listener does. A session's cookie would not help there. */
export function wantsTicket(status: number, headers: HeaderFields): boolean {
  return status === 401 && /^bearer\b/i.test(headers['www-authenticate'] ?? '');
}
