/** The requests of a client. */
import { createKeyring, type Keyring } from './credentials.js';
import { SSEClientError } from './error.js';
import type { Credentials, SSEClientOptions } from './types.js';

/** The end of an anonymous client's event ids. It proves that the page is the client, so it must not be in a URL. */
const KEY = /~\w{16}$/;

/** The cursor in an event id. */
export const withoutKey = (id: string): string => id.replace(KEY, '');

/** The needs of every request of a client. Without an own `fetch`, the runtime's is looked up for each, because tests and tracers replace it. */
export interface Access extends Pick<SSEClientOptions, 'fetch' | 'credentials' | 'share'> {
  url: string;
  keyring: Keyring;
}

export function createAccess<Events extends object>(options: SSEClientOptions<Events>): Access {
  return { ...options, url: resolve(options.url), keyring: createKeyring(options.auth) };
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
  { fetch = globalThis.fetch, url, credentials, keyring, share }: Access,
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
  const isFree = headers || to.origin === (globalThis.location ?? to).origin;
  if (lastEventId && isFree && KEY.test(lastEventId)) own['last-event-id'] = lastEventId;
  else if (lastEventId) query.set('lastEventId', withoutKey(lastEventId));
  // An empty id asks the page to forget where it was.
  else if (since !== undefined && lastEventId === undefined) query.set('since', since);
  // Over HTTP/2 and 3, a stream takes no connection from others. Without the file, the tab has its own stream.
  const entries = performance.getEntries?.() as PerformanceResourceTiming[] | undefined;
  const isCostly = share ?? entries?.some((entry) => entry.nextHopProtocol > 'http');
  const send = isCostly
    ? await import('./share.js').then(
        (file) => file.share(fetch, url, SSEClientError),
        () => fetch,
      )
    : fetch;
  return send(to.href, { headers: own, credentials, signal, cache: 'no-store' });
}
