/** The requests of a client. */
import { createKeyring, type Keyring } from './credentials.js';
import type { Credentials, SSEClientOptions } from './types.js';

/** The end of an anonymous client's event ids. It proves that the page is the client, so it must not be in a URL. */
const KEY = /~\w{16}$/;

/** The cursor in an event id. */
export const withoutKey = (id: string): string => id.replace(KEY, '');

/** What every request of a client needs. */
export interface Access {
  /** Looked up only when it is called, because tests and tracers replace it. */
  fetch: NonNullable<SSEClientOptions['fetch']>;
  url: string;
  credentials: RequestCredentials | undefined;
  keyring: Keyring;
}

export function createAccess<Events extends object>({
  auth,
  credentials,
  fetch = (...given) => globalThis.fetch(...given),
  url,
}: SSEClientOptions<Events>): Access {
  return { fetch, url: resolve(url), credentials, keyring: createKeyring(auth) };
}

function resolve(url: string | URL): string {
  try {
    return new URL(url, globalThis.location?.href).href;
  } catch {
    throw new TypeError(`url: ${url} is no whole URL, and there is no page`);
  }
}

/** Asks for the stream. `lastEventId`: undefined before the first. */
export async function requestStream(
  { fetch, url, credentials, keyring }: Access,
  clientId: string,
  channels: Iterable<string>,
  since: string | undefined,
  lastEventId: string | undefined,
  signal: AbortSignal,
): Promise<Response> {
  const { ticket, headers } = await keyring.get();
  const to = new URL(url);
  const query = to.searchParams;
  if (!query.has('clientId')) query.set('clientId', clientId);
  for (const channel of channels) query.append('channel', channel);
  if (ticket) query.set('ticket', ticket);
  const own: Credentials['headers'] = { accept: 'text/event-stream', ...headers };
  // The last event id goes into the query. As a header, it would cost pages of another origin a preflight with every reconnect. With
  // a key, it is a header where that costs nothing.
  const isFree = headers || (globalThis.location?.origin ?? to.origin) === to.origin;
  if (lastEventId && isFree && KEY.test(lastEventId)) own['last-event-id'] = lastEventId;
  else if (lastEventId) query.set('lastEventId', withoutKey(lastEventId));
  // An empty id asks the page to forget where it was.
  else if (since !== undefined && lastEventId === undefined) query.set('since', since);
  return fetch(to.href, { headers: own, credentials, signal, cache: 'no-store' });
}
