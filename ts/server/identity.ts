/** Who is connecting: what the application says, and what the page says where the application is silent. */
import { isIP } from 'node:net';

import type { ConnectOptions } from '../../index';
import { checkClientId, checkUserId } from './arguments.js';
import { argumentError } from './errors.js';
import { type Answer, badRequest } from './refusals.js';

export interface ClientIdentity {
  userId: string | undefined;
  clientId: string | undefined;
  lastEventId: string | undefined;
  address: string | undefined;
}

/** What a request says of the client that it comes from. */
export interface Asked {
  /** Path and query, or a whole URL. */
  url: string | undefined;
  /** The header. */
  lastEventId: string | null | undefined;
  /** Of the peer, if its socket is known. */
  address: string | undefined;
}

/** What travels in a URL and in a header unharmed; the same as native code wants. */
const CLIENT_ID = /^(?! )[ -~]{1,256}(?<! )$/;

/**
 * An `EventSource` repeats its URL when it reconnects, so an id in the query lasts as long as the page; its header has the
 * newest event id, so it goes before that of the query, which is for clients that cannot set headers.
 */
export function identify(client: ConnectOptions, asked: Asked): ClientIdentity | Answer {
  if (typeof client !== 'object' || client === null)
    throw argumentError('client', client, 'an object { userId?, clientId?, address?, headers? }');
  const { userId, clientId, address } = client;
  const query = queryOf(asked.url);
  const proposed = clientId === undefined ? (query.get('clientId') ?? undefined) : undefined;
  if (proposed !== undefined && !CLIENT_ID.test(proposed)) {
    return badRequest('clientId: wants 1 to 256 printable ASCII characters.');
  }
  return {
    userId: userId === undefined || userId === null ? undefined : checkUserId(userId),
    clientId: clientId === undefined ? proposed : checkClientId('clientId', clientId),
    lastEventId: lastEventIdOf(asked, query),
    address: (address === undefined || address === null ? undefined : checkAddress(address)) ?? asked.address,
  };
}

/** An address as a proxy's header has it: what is none has come from somebody else, and says nothing. */
function checkAddress(address: unknown): string | undefined {
  if (typeof address !== 'string') throw argumentError('address', address, 'an IP address as a string');
  return isIP(address) === 0 ? undefined : address;
}

/** What a client has seen last. An empty id is what a page sends that was told to forget it. */
export function lastEventIdOf(asked: Omit<Asked, 'address'>, query = queryOf(asked.url)): string | undefined {
  return asked.lastEventId || query.get('lastEventId') || undefined;
}

function queryOf(url: string | undefined): URLSearchParams {
  const start = url?.indexOf('?') ?? -1;
  return new URLSearchParams(start < 0 ? '' : url?.slice(start).split('#', 1)[0]);
}
