/**
 * Finds Node's own response behind a web `Request`.
 *
 * Frameworks give their handlers a `Request` that knows nothing of its socket. Node announces each request on a diagnostics
 * channel before the framework sees it; what is entered into an `AsyncLocalStorage` there is found again in the handler.
 * https://nodejs.org/api/diagnostics_channel.html#http
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';

/**
 * Weak: a database connection that is opened during a request keeps the request's context for as long as it lives, and must
 * not keep its response with it.
 */
type Storage = AsyncLocalStorage<WeakRef<ServerResponse>>;

/** One subscriber for all copies of this package; the number is the version of what they have to agree on. */
const KEY = Symbol.for('ssekit.pairs.1');

const shared = globalThis as { [KEY]?: Storage };

/** Responses that already have a stream: a handler that opens two cannot have two sockets. */
const claimed = new WeakSet<ServerResponse>();

/** From here on, requests are remembered. Called when the package is loaded; earlier requests stay streams. */
export function watchRequests(): void {
  if (shared[KEY]) return;
  const storage: Storage = new AsyncLocalStorage();
  shared[KEY] = storage;
  subscribe('http.server.request.start', (message) => {
    const { response } = message as { response: ServerResponse };
    storage.enterWith(new WeakRef(response));
  });
}

/** The response that this code is about to answer, if it is known and nothing of it has been sent. */
export function claimResponse(): ServerResponse | undefined {
  const response = shared[KEY]?.getStore()?.deref();
  if (!response || response.headersSent || claimed.has(response)) return undefined;
  claimed.add(response);
  return response;
}
