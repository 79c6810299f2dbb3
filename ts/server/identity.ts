/** The identity of a client: from the application, and from the page where the application is silent. */
import type { ConnectOptions } from '../../index';
import { checkClientId, checkKnown, checkUserId, HEADER_TEXT } from './arguments.js';
import { type ConnectDetails, detailsOf } from './details.js';
import { hasCode } from './error-codes.js';
import { argumentError } from './errors.js';
import { type Answer, badRequest, unauthorized } from './refusals.js';

export interface ClientIdentity extends ConnectDetails {
  userId: string | undefined;
  clientId: string | undefined;
  lastEventId: string | undefined;
  /** Whether its last event id came in the URL. URLs end up in access logs, so a key in this id proves nothing. */
  byUrl: boolean;
  /** Its address, according to the application. */
  address: string | undefined;
  /** The peer's address, if its socket is known. */
  peer: string | undefined;
  /** The `logOutMark` taken before the application was asked. Missing if the application found out by itself. */
  mark?: number | undefined;
}

/** The parts of a request that concern its client. */
export interface Asked {
  /** Path and query, or a whole URL. */
  url: string | undefined;
  /** The `Last-Event-ID` header. */
  lastEventId: string | null | undefined;
  /** The address of the peer, if its socket is known. */
  peer: string | undefined;
}

/** Text that survives both in a URL and in a header. Native code requires the same. */
export const CLIENT_ID = /^(?! )[ -~]{1,256}(?<! )$/;

/** The properties that an identity may have. Any other is a mistake, most likely a `userId` by another name. */
const KNOWN: readonly (keyof ConnectOptions)[] = [
  'userId',
  'clientId',
  'anonymous',
  'channels',
  'data',
  'since',
  'welcome',
  'address',
  'headers',
  'onClose',
];

/** The maximum number of bytes of a user id. Native code requires the same. */
const MOST_USER_ID = 256;

const WANTS_USER = 'a user; a client without one needs `anonymous: true`';

/**
 * An `EventSource` reconnects with the same URL, so an id in the query lasts as long as the page. Its header has the newest
 * event id, so the header takes precedence. The query is for clients that cannot set headers.
 */
export function identify(client: ConnectOptions, asked: Asked): ClientIdentity | Answer {
  const user = userOf('client', client, KNOWN);
  const { clientId, address, onClose } = client;
  if (onClose !== undefined && typeof onClose !== 'function') {
    throw argumentError('client.onClose', onClose, 'a function');
  }
  const details = detailsOf(client);
  const query = queryOf(asked.url);
  const proposed = clientId === undefined ? (query.get('clientId') ?? undefined) : undefined;
  if (user === 'none') return unauthorized(`client.userId: got none, wants ${WANTS_USER}`, asked.url);
  if (proposed !== undefined && !CLIENT_ID.test(proposed)) {
    const { message } = argumentError('clientId', proposed, HEADER_TEXT);
    return badRequest(`${message}.`, asked.url);
  }
  return {
    ...details,
    userId: user.id,
    clientId: clientId === undefined ? proposed : checkClientId('clientId', clientId),
    lastEventId: lastEventIdOf(asked, query),
    byUrl: !asked.lastEventId,
    since: details.since ?? sinceOf(asked.url, query),
    address: checkAddress(address),
    peer: asked.peer,
  };
}

/**
 * Returns the user that a stream or ticket is for. An anonymous one has no id and must be requested explicitly, because a
 * missing user usually means an expired session or a misspelt property. Throws if `who` cannot be an identity at all.
 */
export function userOf(argument: string, who: unknown, known: readonly string[]): { id: string | undefined } | 'none' {
  checkKnown(argument, who, known);
  const { userId, anonymous } = who as { userId?: unknown; anonymous?: unknown };
  if (anonymous !== undefined && typeof anonymous !== 'boolean') {
    throw argumentError(`${argument}.anonymous`, anonymous, 'true or false');
  }
  if (userId !== undefined && userId !== null) return { id: checkUserId(userId) };
  return anonymous === true ? { id: undefined } : 'none';
}

/** Returns the problem with the answer of an application's `identify`; nothing if the answer is usable. */
export function problemOf(who: unknown, known: readonly string[] = KNOWN): string | undefined {
  try {
    const user = userOf('identify', who, known);
    if (user === 'none') {
      return 'identify: got no userId, so nobody is logged in, or the id has another name. A visitor without one needs `anonymous: true`';
    }
    // An emptied or overlong cookie is a visitor's doing, and no fault of the application.
    const bytes = user.id === undefined ? 1 : Buffer.byteLength(user.id);
    return bytes >= 1 && bytes <= MOST_USER_ID ? undefined : `userId: got ${bytes} bytes, wants 1 to ${MOST_USER_ID}`;
  } catch (error) {
    if (hasCode(error, 'ERR_SSEKIT_ARGUMENT')) return (error as Error).message;
    throw error;
  }
}

/**
 * An address in the form of a proxy's header. Native code parses it. A text that is not an address came from somebody else,
 * and says nothing.
 */
export function checkAddress(address: unknown): string | undefined {
  if (address === undefined || address === null) return undefined;
  if (typeof address !== 'string') throw argumentError('address', address, 'an IP address as a string');
  return address;
}

/** The id of the last event that a client has seen. A page that was told to forget its id sends an empty one. */
export function lastEventIdOf(asked: Omit<Asked, 'peer'>, query = queryOf(asked.url)): string | undefined {
  return asked.lastEventId || query.get('lastEventId') || undefined;
}

/** The cursor of the snapshot that a page was rendered with. An empty one is kept, so that native code resets the page. */
export function sinceOf(url: string | undefined, query = queryOf(url)): string | undefined {
  return query.get('since') ?? undefined;
}

/** The query of a URL, or of a path. */
export function queryOf(url: string | undefined): URLSearchParams {
  const start = url?.indexOf('?') ?? -1;
  return new URLSearchParams(start < 0 ? '' : url?.slice(start).split('#', 1)[0]);
}
