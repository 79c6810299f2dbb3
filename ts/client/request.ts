/** The requests of a client. */
import type { Keyring } from './credentials.js';
import type { Credentials, SSEClientOptions } from './types.js';

/** The end of an anonymous client's event ids. It proves that the page is the client, so it belongs into no URL. */
const KEY = /~\w{16}$/;

/** The cursor in an event id. */
export const withoutKey = (id: string): string => id.replace(KEY, '');

export interface Requests {
  /** Asks for the stream. `lastEventId`: undefined before the first. */
  stream(
    clientId: string,
    channels: Iterable<string>,
    lastEventId: string | undefined,
    signal: AbortSignal,
  ): Promise<Response>;
  /** Asks for other channels. */
  change(body: object, signal: AbortSignal): Promise<Response>;
}

export function createRequests(
  fetch: NonNullable<SSEClientOptions['fetch']>,
  address: string,
  since: string | undefined,
  credentials: RequestCredentials,
  keyring: Keyring,
): Requests {
  return {
    async stream(clientId, channels, lastEventId, signal) {
      const { ticket, headers } = await keyring.get();
      const url = new URL(address);
      const query = url.searchParams;
      if (!query.has('clientId')) query.set('clientId', clientId);
      for (const channel of channels) query.append('channel', channel);
      if (ticket) query.set('ticket', ticket);
      const own: Credentials['headers'] = { accept: 'text/event-stream', ...headers };
      // The last event id goes into the query. As a header, it would cost pages of another origin a preflight with every reconnect. With
      // a key, it is a header where that costs nothing.
      const isFree = headers || (globalThis.location?.origin ?? url.origin) === url.origin;
      if (lastEventId && isFree && KEY.test(lastEventId)) own['last-event-id'] = lastEventId;
      else if (lastEventId) query.set('lastEventId', withoutKey(lastEventId));
      // An empty id is a server's wish that the page forgets where it was.
      else if (since !== undefined && lastEventId === undefined) query.set('since', since);
      return fetch(url.href, { headers: own, credentials, signal, cache: 'no-store' });
    },
    async change(body, signal) {
      const { ticket, headers } = await keyring.get();
      // A ticket in a URL ends up in logs. The stream cannot avoid that without a preflight; this request has one anyway.
      const bearer = ticket && { authorization: `Bearer ${ticket}` };
      const own = { 'content-type': 'application/json', ...bearer, ...headers };
      return fetch(address, { method: 'POST', headers: own, credentials, signal, body: JSON.stringify(body) });
    },
  };
}
