/** Who is connecting: what the application says, and what the page says where the application is silent. */
import type { ConnectOptions } from '../../index';
import { checkClientId, checkUserId } from './arguments.js';
import { argumentError, hasCode, unknownOption } from './errors.js';
import { type Answer, badRequest, unauthorized } from './refusals.js';

export interface ClientIdentity {
  userId: string | undefined;
  clientId: string | undefined;
  lastEventId: string | undefined;
  /** Its last event id stands in the URL, and so in access logs: a key in it proves nothing. */
  byUrl: boolean;
  /** Where it comes from, as the application says. */
  address: string | undefined;
  /** Of the peer, if its socket is known. */
  peer: string | undefined;
  /** When the application was asked, as `logOutMark` counts it. Missing: it has found out by itself. */
  mark?: number | undefined;
}

/** What a request says of the client that it comes from. */
export interface Asked {
  /** Path and query, or a whole URL. */
  url: string | undefined;
  /** The header. */
  lastEventId: string | null | undefined;
  /** The address of the peer, if its socket is known. */
  peer: string | undefined;
}

/** What travels in a URL and in a header unharmed; the same as native code wants. */
const CLIENT_ID = /^(?! )[ -~]{1,256}(?<! )$/;

/** What an identity may have: anything else is a mistake, most likely a `userId` by another name. */
const KNOWN: readonly (keyof ConnectOptions)[] = ['userId', 'clientId', 'anonymous', 'address', 'headers', 'onClose'];

const WANTS_USER = 'a user; a client without one needs `anonymous: true`';

/**
 * An `EventSource` repeats its URL when it reconnects, so an id in the query lasts as long as the page; its header has the
 * newest event id, so it goes before that of the query, which is for clients that cannot set headers.
 */
export function identify(client: ConnectOptions, asked: Asked): ClientIdentity | Answer {
  const user = userOf('client', client, KNOWN);
  const { clientId, address, onClose } = client;
  if (onClose !== undefined && typeof onClose !== 'function') {
    throw argumentError('client.onClose', onClose, 'a function');
  }
  const query = queryOf(asked.url);
  const proposed = clientId === undefined ? (query.get('clientId') ?? undefined) : undefined;
  if (user === 'none') return unauthorized(`client.userId: got none, wants ${WANTS_USER}`, asked.url);
  if (proposed !== undefined && !CLIENT_ID.test(proposed)) {
    return badRequest('clientId: wants 1 to 256 printable ASCII characters.', asked.url);
  }
  return {
    userId: user.id,
    clientId: clientId === undefined ? proposed : checkClientId('clientId', clientId),
    lastEventId: lastEventIdOf(asked, query),
    byUrl: !asked.lastEventId,
    address: checkAddress(address),
    peer: asked.peer,
  };
}

/**
 * Whose stream or ticket it is to be. An anonymous one has no id, and has to be asked for: a missing user is as a rule a
 * session that has ended, or a property that is misspelt. Throws if `who` is nothing that says who somebody is.
 */
export function userOf(argument: string, who: unknown, known: readonly string[]): { id: string | undefined } | 'none' {
  if (typeof who !== 'object' || who === null || Array.isArray(who)) {
    throw argumentError(argument, who, `an object { ${known.join('?, ')}? }`);
  }
  for (const name of Object.keys(who)) {
    if (!known.includes(name)) throw unknownOption(`${argument}.${name}`, known);
  }
  const { userId, anonymous } = who as { userId?: unknown; anonymous?: unknown };
  if (anonymous !== undefined && typeof anonymous !== 'boolean') {
    throw argumentError(`${argument}.anonymous`, anonymous, 'true or false');
  }
  if (userId !== undefined && userId !== null) return { id: checkUserId(userId) };
  return anonymous === true ? { id: undefined } : 'none';
}

/** Why nobody is let in as what an application's `identify` has answered; nothing if somebody is. */
export function problemOf(who: unknown, known: readonly string[] = KNOWN): string | undefined {
  try {
    return userOf('identify', who, known) === 'none'
      ? `identify: got no userId, wants ${WANTS_USER}. Return the signed-in user's id from the route's \`identify\``
      : undefined;
  } catch (error) {
    if (hasCode(error, 'ERR_SSEKIT_ARGUMENT')) return (error as Error).message;
    throw error;
  }
}

/** An address as a proxy's header has it. Native code reads it: what is none has come from somebody else, and says nothing. */
function checkAddress(address: unknown): string | undefined {
  if (address === undefined || address === null) return undefined;
  if (typeof address !== 'string') throw argumentError('address', address, 'an IP address as a string');
  return address;
}

/** What a client has seen last. An empty id is what a page sends that was told to forget it. */
export function lastEventIdOf(asked: Omit<Asked, 'peer'>, query = queryOf(asked.url)): string | undefined {
  return asked.lastEventId || query.get('lastEventId') || undefined;
}

function queryOf(url: string | undefined): URLSearchParams {
  const start = url?.indexOf('?') ?? -1;
  return new URLSearchParams(start < 0 ? '' : url?.slice(start).split('#', 1)[0]);
}
