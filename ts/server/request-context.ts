/**
 * Finds Node's own response behind a web `Request`.
 *
 * Frameworks give their handlers a `Request` that knows nothing about its socket. Node announces each request on a
 * diagnostics channel before the framework sees it. A value that is stored in an `AsyncLocalStorage` at that moment can be
 * read in the handler. https://nodejs.org/api/diagnostics_channel.html#http
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/**
 * The response in the context of which something runs. Weak: a database connection that is opened during a request keeps the request's
 * context for its whole life. It must not keep the response as well.
 */
type Context = WeakRef<ServerResponse>;

/** Path and query as the client sent them. A framework may change those of the request. */
const TARGET = Symbol.for('ssekit.target.1');

type Watched = ServerResponse & { [TARGET]?: string };

/** Called before a server emits a request. */
type Listener = (request: IncomingMessage, response: ServerResponse, server: Server) => void;

interface Requests {
  /** Set once somebody has asked for contexts. A process whose streams all come with Node's own response needs none. */
  storage: AsyncLocalStorage<Context> | undefined;
  /**
   * The number of listeners on a response that nobody has used yet: Node's own, and those of tools that watch every request.
   */
  watchers: number | undefined;
  /** For how many streams each response is the likely one. */
  hints: WeakMap<ServerResponse, number>;
  /** Called for each request. */
  listener: Listener | undefined;
}

/** One subscriber for all copies of this package. The number is the version of the data that they share. */
const KEY = Symbol.for('ssekit.requests.4');

const shared = globalThis as { [KEY]?: Requests };

/** The number of listeners that wait for the end of a response that nobody has used yet. */
export function watchersAtFirst(): number {
  return shared[KEY]?.watchers ?? 1;
}

/** The number of listeners that wait, in whatever way, for the end of this response or of its request. */
export function watchersOf(response: ServerResponse): number {
  const { req } = response;
  const ofRequest = req ? req.listenerCount('close') + req.listenerCount('aborted') : 0;
  return response.listenerCount('close') + response.listenerCount('finish') + ofRequest;
}

/** Whether a tool hears every event of this response. dd-trace does so by wrapping `emit`, and adds no listener. */
export function isOverheard(response: ServerResponse): boolean {
  return response.emit !== EventEmitter.prototype.emit;
}

/** From now on, sees requests. Called when the package is loaded. */
export function watchRequests(): Requests {
  if (shared[KEY]) return shared[KEY];
  const requests: Requests = {
    // Next.js has storages of its own, and shows their class to everybody. There, a stream may be the first request.
    storage: 'AsyncLocalStorage' in globalThis ? new AsyncLocalStorage() : undefined,
    watchers: undefined,
    hints: new WeakMap(),
    listener: undefined,
  };
  shared[KEY] = requests;
  subscribe('http.server.request.start', (message) => {
    const { request, response, server } = message as Announced;
    // Node adds its own listener right after this.
    requests.watchers ??= watchersOf(response) + 1;
    (response as Watched)[TARGET] = request.url;
    requests.storage?.enterWith(new WeakRef(response));
    requests.listener?.(request, response, server);
  });
  return requests;
}

/**
 * From now on, remembers which request something runs for. Streams of earlier requests stay with Node. A storage costs each request of the
 * process about two microseconds in Node.js 20, whatever it is for.
 */
export function watchContexts(): void {
  const requests = watchRequests();
  requests.storage ??= new AsyncLocalStorage();
}

interface Announced {
  request: IncomingMessage;
  response: ServerResponse;
  server: Server;
}

/** From now on, calls `listener` before each request is emitted. There is one for all copies of this package. */
export function onRequest(listener: Listener): void {
  watchRequests().listener = listener;
}

/** Runs something in the context of a response, as if its request had just come. */
export function inContextOf(response: ServerResponse, run: () => void): void {
  const storage = shared[KEY]?.storage;
  if (storage) storage.run(new WeakRef(response), run);
  else run();
}

/** Path and query of the request that this response is for, as the client sent them. */
export function targetOf(response: ServerResponse): string {
  return (response as Watched)[TARGET] ?? response.req?.url ?? '';
}

/** The response of the current context. This is a hint, not proof: libraries run callbacks in the context of any caller. */
export function currentResponse(): ServerResponse | undefined {
  return shared[KEY]?.storage?.getStore()?.deref();
}

/** Headers that distinguish one client's request from another's. */
const TELLING = ['cookie', 'authorization', 'host', 'user-agent', 'last-event-id', 'x-forwarded-for'];

/**
 * The response of this context, if it is HTTP/1, nothing of it has been sent, and its request looks like this one. This is
 * good enough for limits by address, but not where a mistake could expose somebody's data.
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

/** Whether a likely response belongs to an event stream, and no other stream claims it. */
export function wasOurs(response: ServerResponse): boolean {
  return (
    shared[KEY]?.hints.get(response) === 1 && String(response.getHeader('content-type')).startsWith('text/event-stream')
  );
}
