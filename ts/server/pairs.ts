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

interface Requests {
  storage: Storage;
  /** Listeners that a response has before anybody has seen it: Node's own, and those of tools that watch every request. */
  watchers: number | undefined;
  /** How many streams each response is likely to be that of. */
  hints: WeakMap<ServerResponse, number>;
}

/** One subscriber for all copies of this package; the number is the version of what they have to agree on. */
const KEY = Symbol.for('ssekit.pairs.2');

const shared = globalThis as { [KEY]?: Requests };

/** How many listeners wait for the end of a response that nobody has touched yet. */
export function watchersAtFirst(): number {
  return shared[KEY]?.watchers ?? 1;
}

/** How many wait for the end of this response or of its request, in whatever way. */
export function watchersOf(response: ServerResponse): number {
  const { req } = response;
  const ofRequest = req ? req.listenerCount('close') + req.listenerCount('aborted') : 0;
  return response.listenerCount('close') + response.listenerCount('finish') + ofRequest;
}

/** From here on, requests are remembered. Called when the package is loaded; earlier requests stay streams. */
export function watchRequests(): void {
  if (shared[KEY]) return;
  const requests: Requests = { storage: new AsyncLocalStorage(), watchers: undefined, hints: new WeakMap() };
  shared[KEY] = requests;
  subscribe('http.server.request.start', (message) => {
    const { response } = message as { response: ServerResponse };
    // Node adds its own right after this.
    requests.watchers ??= watchersOf(response) + 1;
    requests.storage.enterWith(new WeakRef(response));
  });
}

/**
 * The response of the context that this code runs in. That is a hint and no proof: libraries run callbacks in the context of
 * whoever happened to call them.
 */
export function currentResponse(): ServerResponse | undefined {
  return shared[KEY]?.storage.getStore()?.deref();
}

/** Headers that tell one client's request from another's. */
const TELLING = ['cookie', 'authorization', 'host', 'user-agent', 'last-event-id', 'x-forwarded-for'];

/**
 * The response of this context, if it is HTTP/1, nothing of it has been sent, and its request looks like this one. Good enough
 * for limits by address, and for nothing that a mistake could turn against somebody's data.
 */
export function likelyResponse(request: Request): ServerResponse | undefined {
  const response = currentResponse();
  const headers = response?.req?.headers;
  if (!response || !headers || response.headersSent || response.req.httpVersionMajor !== 1) return undefined;
  if (!TELLING.every((name) => (headers[name] ?? null) === request.headers.get(name))) return undefined;
  const hints = shared[KEY]?.hints;
  hints?.set(response, (hints.get(response) ?? 0) + 1);
  return response;
}

/** Whether a likely response was that of an event stream, and no other stream takes it for its own. */
export function wasOurs(response: ServerResponse): boolean {
  return (
    shared[KEY]?.hints.get(response) === 1 && String(response.getHeader('content-type')).startsWith('text/event-stream')
  );
}
