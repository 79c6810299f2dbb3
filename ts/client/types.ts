/** Options and members of a client. */
import type { SSEEventMap } from '../../index';
import type { SSEClientError } from './error.js';
import type { AnyEvent, ClientEvent, EventData, EventName, OwnEvents, Reset } from './events.js';
import type { StandardSchema } from './schema.js';

/** The proof of the page's user, where a cookie is none. */
export interface Credentials {
  /** A ticket of ssekit's listener, as `createTicketRoute` answers it. It goes into the query of the stream's URL. */
  ticket?: string;
  /** When the ticket or the headers expire, in seconds from now. They are refreshed before that. */
  expiresIn?: number;
  /** Headers of every request. Pages of another origin then need a preflight. */
  headers?: Record<string, string>;
}

/** Options of `createClient`. */
export interface SSEClientOptions<Events extends object = SSEEventMap> {
  /** Where the stream is: a path of the page's origin, or a whole URL. */
  url: string | URL;
  /** The cursor that the page was rendered with: the stream begins with what came after it. */
  since?: string | undefined;
  /** Channels that the stream has from the beginning. If the page may not have one of them, there is no stream. */
  channels?: readonly string[] | undefined;
  /** Called before the first connection, after a 401 or 403, and before what it gave expires. Gives a ticket, or more. */
  auth?: (() => string | Credentials | Promise<string | Credentials>) | undefined;
  /** Keeps the page's client id over a reload, for instance. Default: a random one. */
  clientId?: string | undefined;
  /** Whether requests to other origins have cookies, as in `fetch`. Default: `same-origin`. */
  credentials?: RequestCredentials | undefined;
  /**
   * The distance of heartbeats, until the server says its own in `ssekit:ready`. After two missed heartbeats, the client reconnects.
   * Default: 25,000, as on the server.
   */
  heartbeatMs?: number | undefined;
  /** A schema by event name, of any library with Standard Schema. An event that does not fit is left out, and `onError` says why. */
  schemas?: { readonly [Name in keyof Events]?: StandardSchema<Events[Name]> } | undefined;
  /** Closes the client when it aborts. */
  signal?: AbortSignal | undefined;
  /** A `fetch` whose bodies can be read while they arrive. Default: the runtime's. */
  fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
  /**
   * `auto`: over HTTP/1.1, where a browser has six connections for each host, one of them carries the streams of all tabs. Over
   * HTTP/2 and 3, with an own `fetch`, or where that fails, each tab has its own. Default: `auto`.
   */
  share?: 'auto' | false | undefined;
}

/** The state of the connection. */
export interface ClientStatus {
  /**
   * `connecting`: a request is under way. `open`: events come in. `waiting`: until `retryAt`. `paused`: the page was left, and the
   * browser keeps it. `closed`: for good.
   */
  readonly state: 'connecting' | 'open' | 'waiting' | 'paused' | 'closed';
  /** Why there is no stream; missing if the page wanted none. */
  readonly reason?: string;
  /** The status of the server's answer, if that was the reason. */
  readonly httpStatus?: number | undefined;
  /** The time of the next attempt, like `Date.now()`. */
  readonly retryAt?: number;
}

/** A client: one stream, opened again whenever it ends. */
export interface SSEClient<Events extends object = SSEEventMap> extends AsyncIterable<AnyEvent<Events>> {
  /**
   * Calls the handler with each event of this name; `*` stands for all but `ssekit:position` and `ssekit:heartbeat`. Returns the
   * function that ends it. An event that arrives before its handler is registered is not kept.
   */
  on(name: '*', handler: (data: AnyEvent<Events>['data'], event: AnyEvent<Events>) => unknown): () => void;
  on<Name extends EventName<Events> | keyof OwnEvents>(
    name: Name,
    handler: (data: EventData<Events, Name>, event: ClientEvent<Name, EventData<Events, Name>>) => unknown,
  ): () => void;
  /**
   * Calls the handler when events were missed for good: fetch the state again. Until its promise fulfils, other events wait. If it
   * rejects, it is called again after a while.
   */
  onReset(handler: (reset: Reset) => unknown): () => void;
  /** Calls the handler with whatever goes wrong. Without one, errors are logged with `console.error`. */
  onError(handler: (error: SSEClientError) => unknown): () => void;
  /** Calls the handler with each new status. */
  onStatus(handler: (status: ClientStatus) => unknown): () => void;
  /**
   * Adds a channel to the stream, and keeps it over reconnects. With `since`, what came after this cursor comes first. The event
   * `ssekit:subscribed` says from where on the stream has it; `onError` says if the server refuses.
   */
  subscribe(channel: string, options?: { since?: string | undefined }): void;
  /** Takes a channel away. */
  unsubscribe(channel: string): void;
  /** A new object after each change. */
  readonly status: ClientStatus;
  /** The id of the last event that handlers have seen: the `since` of a client that goes on from here. */
  readonly cursor: string | undefined;
  /** The id of the client, as the server knows it. It may change when the client reconnects. */
  readonly clientId: string;
  /** Ends the stream for good. */
  close(): void;
}
