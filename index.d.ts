/**
 * ssekit: push Server-Sent Events from a Next.js or Node.js server to browsers.
 *
 * The engine (registry, history, streams, sockets) is native code with threads of its own; every copy of this module in
 * a process, in any bundle, hot-reload generation or worker thread, talks to the same one.
 */

import type { Listener, ListenOptions, NewTicket } from './listener';

/**
 * The events of your app by name, each with what its `data` is. Empty until you declare yours; then TypeScript holds whatever
 * is sent under one of these names to it. Other names stay free.
 *
 * ```ts
 * declare module 'ssekit' {
 *   interface SSEEventMap {
 *     notification: { message: string };
 *   }
 * }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is there to be filled by its users
export interface SSEEventMap {}

/**
 * One event, as the page will see it: an object, plain or of a class of yours, with `data` or a name. An array or another built-in
 * object in its place throws a `TypeError`.
 *
 * On the wire it is an event of the WHATWG event-stream format:
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export interface SSEEvent<T = unknown, Name extends string = string> {
  /**
   * The name that `EventSource.addEventListener` listens for. Empty or missing means `message`. No control characters;
   * names that begin with `ssekit:` are ssekit's own.
   */
  event?: Name;
  /**
   * Anything that `JSON.stringify` accepts, sent by its rules, up to `maxEventBytes`; under a name of `SSEEventMap`, what that says. `undefined` is
   * sent as `null`.
   */
  data: Name extends keyof SSEEventMap ? SSEEventMap[Name] : T;
  /**
   * `lastEventId` in the page. Printable ASCII without spaces at either end, 1 to 256 characters, for it travels in a header
   * when a page reconnects. Default: `<epoch>.<position>`, chosen by ssekit.
   */
  id?: string;
  /** How long the page waits before it reconnects, in milliseconds: a non-negative safe integer. Default: unchanged. */
  retry?: number;
  /**
   * Of events with the same key and to the same receivers (the same user, the same client, or everybody), who lags or is away
   * gets only the newest: for progress, presence, prices, where an older state is of no use. 1 to 256 bytes; it is not sent.
   * Default: every event is kept.
   */
  coalesceKey?: string;
}

export type { Listener, ListenLimits, ListenOptions, NewTicket, TicketOptions } from './listener';

/** A string; a finite number or a bigint is taken as its decimal string, so `42` and `'42'` are one user. 1 to 256 bytes. */
export type UserId = string | number | bigint;

/** How a stream reaches its client. */
export type Transport = 'handoff' | 'stream' | 'listener';

/** Options of the one hub of this process. Each is fixed once the hub has started, see `SSEService.configure`. */
export interface SSEOptions {
  /**
   * `'auto'`: hand the socket over to native code where that is possible, else stream through Node. `'stream'`: always
   * stream through Node. Default: `'auto'`.
   */
  transport?: 'auto' | 'stream';
  /** Largest encoded event, in bytes, 1,024 to 67,108,864. Default: 1,048,576 (1 MiB). */
  maxEventBytes?: number;
  /**
   * An idle connection gets a comment after this long, in milliseconds, 100 to 3,600,000, so that proxies keep it and a
   * dead peer is noticed. Default: 25,000.
   */
  heartbeatMs?: number;
  /** `retry` of the first event of each stream, in milliseconds, 0 to 3,600,000. Default: 2,000. */
  retryMs?: number;
  /**
   * Threads of the native runtime, 1 to 64. Default: one fewer than the process has cores, which leaves one to Node; at least 1,
   * at most 4.
   */
  threads?: number;
  /**
   * What was sent to a client and is not acknowledged by its peer for so long, in milliseconds, 1,000 to 3,600,000, ends the
   * connection: a peer that vanished without a word is noticed after `heartbeatMs` and this at the latest, and one that
   * stopped reading with its buffers full likewise (TCP user timeout, RFC 5482; Linux). Default: 30,000.
   */
  timeoutMs?: number;
  /**
   * A user is offline when the last client has been gone for so long, in milliseconds, 0 to 3,600,000: who reloads a page
   * does not go offline in between. Default: 5,000.
   */
  presenceGraceMs?: number;
  /** How far a client may lag behind before it is disconnected, to come back and catch up. Default: no bounds. */
  maxLag?: MaxLag;
  /** How many clients are let in. Default: no limits. */
  limits?: LimitOptions;
  /** What the hub remembers, so that slow and returning clients catch up. */
  history?: HistoryOptions;
  /** What connects this process with others, so that they are one. Default: nothing, or what the environment says. */
  backplane?: BackplaneOptions;
  /** How the hub is drained when the process gets SIGTERM or SIGINT. */
  drain?: DrainOptions;
  /**
   * Whether the process drains the hub when it gets SIGTERM or SIGINT, and then ends. If nobody else listens to the signal, it ends
   * by it, or as the first process of a container, which signals do not end, with exit code 0. Otherwise it ends as the others have
   * it; where they choose the exit code that stands for the signal (143, 130), it is 0, because all has gone well: so with Next.js.
   * A second signal ends it at once. Default: true.
   */
  drainOnSigterm?: boolean;
}

/**
 * How far a client may lag behind. Looked at eight times in `heartbeatMs`, for clients whose socket takes nothing at that moment.
 * What exceeds a bound is disconnected with the reason `slow`. Without bounds a client keeps its place, and is told of a gap by
 * `ssekit:reset` when the history no longer has what it has not got; it costs no memory beyond the history either way. What was sent
 * before a client came back does not count.
 */
export interface MaxLag {
  /** Events that wait for it, 1 to 10,000,000. */
  events?: number;
  /** Bytes that wait for it, 1,024 to 2^40. */
  bytes?: number;
  /** The time for which one has been waiting, in milliseconds, 100 to 2^40. */
  ms?: number;
}

/**
 * How many clients may be connected, 1 to 10,000,000 each. Who takes the place of an own older connection is always let in.
 * An `EventSource` gives up when it is refused: a page has to try again by itself, and `Retry-After` says when.
 */
export interface LimitOptions {
  /** In all. The next one is answered with 503. */
  clients?: number;
  /** Of one user. The next one is answered with 429. */
  clientsPerUser?: number;
  /** From one address, an IPv6 one by its first 64 bits. The next one is answered with 429. See `ConnectOptions.address`. */
  clientsPerAddress?: number;
}

/**
 * Redis (6.2 or later) or Valkey, through which several processes are one hub: what one sends reaches the clients of all, a page
 * may come back to any, and every process knows who is connected. See docs/cluster.md.
 */
export interface BackplaneOptions {
  /**
   * `redis://[user[:password]@]host[:port][/database]`, `rediss://…` for TLS; with sentinels
   * `redis+sentinel://[user[:password]@]host[:port][,host[:port]…]/service[/database]`. Default: `SSEKIT_REDIS_URL`.
   */
  redis?: string;
  /** All keys begin with it, in braces: apps with different ones do not hear each other. Default: `ssekit`. */
  prefix?: string;
  /** Events that Redis keeps for processes that start, or were cut off, about, 100 to 100,000,000. Default: 100,000. */
  maxStreamEvents?: number;
  /** A process that is not heard for so long, in milliseconds, 1,000 to 3,600,000, is gone with its clients. Default: 10,000. */
  leaseMs?: number;
  /**
   * Events that wait while Redis cannot be used, 1 to 10,000,000. Beyond that the oldest are dropped, and every client is told of
   * a gap by `ssekit:reset` once Redis is back. Default: 100,000.
   */
  maxBufferedEvents?: number;
  /** Their bytes, 1,024 to 2^40. Default: 67,108,864 (64 MiB). */
  maxBufferedBytes?: number;
  /**
   * While Redis cannot be used: `'deliver'`, clients of this process get what it sends at once, before what others send at the
   * same time, and a page that then comes back to another process is told of a gap; `'wait'`, nobody gets anything before all
   * have agreed on the order. Either way it goes out to everybody when Redis is back, and nobody gets it twice. Default: `'deliver'`.
   */
  whenDown?: 'deliver' | 'wait';
  /**
   * Certificates, in PEM, of the authorities that may have signed that of `rediss://…`. Default: those that Node.js trusts, with
   * those of the file that `NODE_EXTRA_CA_CERTS` names.
   */
  ca?: string;
}

/** Which clients a question is about. */
export interface PresenceOptions {
  /** `'cluster'`: those of all processes that share a backplane. `'local'`: those of this one. Default: `'cluster'`. */
  scope?: 'cluster' | 'local';
}

/** How this process stands with those that share its backplane. */
export interface ClusterStats {
  /** `starting`: it has not joined yet; `down`: the backplane cannot be used at the moment. */
  link: 'starting' | 'up' | 'down';
  /** Other processes that are known. */
  nodes: number;
  /** Clients that are connected to those. */
  clients: number;
  /** Events that wait for the backplane. */
  buffered: number;
  /** Their bytes. */
  bufferedBytes: number;
  /** Events that were dropped because too many waited. */
  dropped: number;
  /** Times that the backplane could not be used any more. */
  outages: number;
}

/** How clients are let go. Each is told by `ssekit:drain` when to come back, and its connection is closed. */
export interface DrainOptions {
  /** They are let go spread over this time, in milliseconds, 0 to 3,600,000. Default: 2,000. */
  windowMs?: number;
  /** They come back after this time, and up to twice as long, in milliseconds, 0 to 3,600,000. Default: 1,000. */
  retryMs?: number;
}

/** Bounds of the history. What falls out of it and was not yet seen is told to the client by the event `ssekit:reset`. */
export interface HistoryOptions {
  /** Events in one log (one for broadcasts, one per user, one per client), 1 to 10,000,000. Default: 10,000. */
  maxEvents?: number;
  /** Bytes in one log, 1,024 to 2^40. The newest event is always kept. Default: 8,388,608 (8 MiB). */
  maxBytes?: number;
  /** Bytes in all logs together, 1,024 to 2^40; the oldest events go first. Default: 67,108,864 (64 MiB). */
  maxTotalBytes?: number;
  /** Age of an event in milliseconds, 100 to 2^40. Default: 300,000 (five minutes). */
  maxAgeMs?: number;
}

/** Who a new connection belongs to. */
export interface ConnectOptions {
  /** The user. Missing, and not `anonymous`: the request is answered with 401. */
  userId?: UserId | null;
  /** Without a user it may come in, too: as an anonymous client, which gets broadcasts and what is sent to its client id. */
  anonymous?: boolean;
  /**
   * The client's id, 1 to 256 printable ASCII characters. Default: that in the query of the request, `?clientId=…`, which a page
   * repeats when it reconnects; else a new UUID. The same user's newer connection replaces an older one of the same id.
   * Another user's claim to it is answered with 409, until the client has been away for `history.maxAgeMs`, or the application
   * has ended it. An anonymous client has it as long as it shows the key at the end of its event ids, as an `EventSource` does
   * when it reconnects; otherwise it gets another id.
   */
  clientId?: string;
  /**
   * Where the client comes from, for `limits.clientsPerAddress`. Default, also for what is no IP address: the address of the
   * socket, where it is known. Behind a proxy, take it from the header that your proxy sets. A port, brackets and a zone are
   * allowed: `192.0.2.1:8080`, `[2001:db8::1]:443`.
   */
  address?: string | null;
  /**
   * More response headers. Those that make an event stream cannot be replaced. An array gives several headers of one name
   * (`'set-cookie': [a, b]` are two cookies); what is `undefined` or `null` is left out.
   */
  headers?:
    | ConstructorParameters<typeof Headers>[0]
    | Record<string, string | number | readonly string[] | null | undefined>;
  /**
   * Called once when this client is gone, however its stream was carried: the place to stop its timers and subscriptions. Not
   * called if the client is not let in.
   */
  onClose?: () => void;
}

/** A client that came or went. */
export interface ClientInfo {
  clientId: string;
  /** `null`: an anonymous client. */
  userId: string | null;
}

/** Why a client is gone. */
export type DisconnectReason =
  /** The peer closed or reset the connection, or Node reported that the request was aborted. */
  | 'peer'
  /** `disconnectClient` or `disconnectUser`. */
  | 'server'
  /** A newer connection of the same client id took its place. */
  | 'replaced'
  /** The response was never read: the handler threw after `connect`, or did not return its response. */
  | 'unopened'
  /** The peer sent more than 16 KiB after its request: that is no event-stream client. */
  | 'protocol'
  /** A fault of ssekit's own, told by the event `error` too. */
  | 'fault'
  /** What was sent to it was not acknowledged for `timeoutMs`. */
  | 'timeout'
  /** It lagged behind by more than `maxLag`. */
  | 'slow'
  /** The hub was drained. */
  | 'drained'
  /** The ticket that had opened its stream expired. */
  | 'expired';

/** Why a client was not let in. */
export type RefusalReason =
  /** `limits.clients`. */
  | 'clients'
  /** `limits.clientsPerUser`. */
  | 'user'
  /** `limits.clientsPerAddress`. */
  | 'address'
  /** Its client id is another user's. */
  | 'claimed'
  /** The hub is drained. */
  | 'draining';

export interface DisconnectInfo extends ClientInfo {
  reason: DisconnectReason;
}

export interface SSEListeners {
  connect: (client: ClientInfo) => void;
  disconnect: (client: DisconnectInfo) => void;
  /** A user has a client, and had none. */
  userOnline: (user: { userId: string }) => void;
  /** A user's last client has been gone for `presenceGraceMs`. */
  userOffline: (user: { userId: string }) => void;
  error: (error: Error) => void;
}

/** Counters since the hub started, and gauges of this moment. */
/**
 * Why a stream stays with Node, where it arrives as well but costs the event loop its share:
 *
 * - `transport`: `transport: 'stream'`, or Windows
 * - `protocol`: TLS, HTTP/2, or a connection that is no socket of Node's own
 * - `response`: it is not certain which response carries the stream, for example one that waits behind another
 * - `body`: the body was read by something else than a pipe to the response: an adapter, a `TransformStream`, a `clone()`
 * - `wrapped`: something between the stream and the socket may change what is written, for example a middleware's `res.write`
 * - `head`: the head is not that of a plain event stream: another status, type, encoding or length
 * - `request`: the request's body was not read to its end
 * - `bytes`: more or less than the head and the first event was written
 * - `system`: the system refused, for example for lack of descriptors
 */
export type NotHandedOffReason =
  | 'transport'
  | 'protocol'
  | 'response'
  | 'body'
  | 'wrapped'
  | 'head'
  | 'request'
  | 'bytes'
  | 'system';

export interface SSEStats {
  /** Connected clients. */
  clients: number;
  /** Users with at least one connected client. */
  users: number;
  /** Clients that are gone, and whose ids and events are kept until they come back or `history.maxAgeMs` is over. */
  away: number;
  /** Connected clients by transport; `opening` ones have not yet settled on one. */
  transports: { opening: number; handoff: number; stream: number; listener: number };
  /** Clients connected since the start. */
  connects: number;
  /** Clients gone since the start, by reason. */
  disconnects: Record<DisconnectReason, number>;
  /** Clients that were not let in, by reason. */
  refusals: Record<RefusalReason, number>;
  /** Streams whose socket stayed with Node, by reason. */
  notHandedOff: Record<NotHandedOffReason, number>;
  /** Events accepted by `sendToUser`, `sendToClient` and `broadcast`; with a backplane, those of all processes. */
  events: number;
  /** Events of which a newer one with the same `coalesceKey` has taken the place. */
  coalesced: number;
  /** Events written to a client, counted once per client. */
  deliveries: number;
  /** Bytes written to clients, heartbeats and framing included. */
  bytes: number;
  /** Heartbeats written. */
  heartbeats: number;
  /** `ssekit:reset` events written: a client was told of a gap. */
  resets: number;
  /**
   * How far clients lag behind, as it was when it was last looked at, eight times in `heartbeatMs`: `clients` are those whose
   * socket takes nothing more, and those whose stream is carried by Node or over HTTP/2 and has not been read for so long;
   * `events` wait for the one for which most do, and `ms` is the longest time for which one has been waiting. What was sent before a
   * client came back does not count.
   */
  lag: { clients: number; events: number; ms: number };
  /** What the history holds now. */
  history: { logs: number; events: number; bytes: number };
  /** The epoch of this hub's ids: it changes whenever the history starts anew. Empty before the hub has started. */
  epoch: string;
  /** Position of the newest event, also of one that was sent to a client that is not there and is not kept. */
  position: number;
  /** With a backplane: how this process stands with the others. */
  cluster: ClusterStats | null;
}

/**
 * The hub of this process.
 *
 * Errors: an argument that cannot be used throws a `TypeError` (code `ERR_SSEKIT_ARGUMENT`), an event or a number out of
 * bounds a `RangeError` (code `ERR_SSEKIT_RANGE`), an option that differs from the running hub's an `Error` (code
 * `ERR_SSEKIT_CONFIGURED`). The message names the argument, what it got and what it wants. A call that throws has sent
 * nothing. Nothing that a client does ever throws here.
 */
export declare class SSEService {
  private constructor();

  /** The one instance. Synchronous, any number of times, from anywhere. */
  static getInstance(): SSEService;

  /**
   * Sets options. The same options again are fine, as a hot reload does it; an option that differs from what was set before, or
   * from what the running hub has, throws an `Error` naming it.
   *
   * The hub starts with its first client or event, or with `disconnectUser`, `listen` or `drain`. Listeners and questions (`on`,
   * `off`, `stats`, `metrics`, `ready`, `flush`, and who is connected) may come before or after `configure`, in any order.
   */
  static configure(options: SSEOptions): SSEService;

  /**
   * Sends to one client. Returns whether it is connected. One that has been connected and is away for a moment gets it when it
   * comes back with its id; one that has been away for longer than `history.maxAgeMs` gets `ssekit:reset`.
   */
  sendToClient<T = unknown, Name extends string = string>(clientId: string, event: SSEEvent<T, Name>): boolean;

  /** Sends to all connections of a user. Returns how many connected clients it was addressed to. */
  sendToUser<T = unknown, Name extends string = string>(userId: UserId, event: SSEEvent<T, Name>): number;

  /** Sends to every client but `excludeClientId`. Returns how many connected clients it was addressed to. */
  broadcast<T = unknown, Name extends string = string>(
    event: SSEEvent<T, Name>,
    excludeClientId?: string | null,
  ): number;

  /**
   * Ids of the connected clients, in no particular order. With a backplane, of all processes: from a local view, which follows
   * what happens elsewhere within milliseconds.
   */
  getActiveClients(options?: PresenceOptions): string[];

  /** Ids of a user's connected clients: those of this process, then those of others, the oldest connection first. */
  getClientsByUser(userId: UserId, options?: PresenceOptions): string[];

  /** Whether a user has a client, or had one here less than `presenceGraceMs` ago. */
  isOnline(userId: UserId, options?: PresenceOptions): boolean;

  /**
   * Resolves when this process has joined the others that share its backplane, and has heard who is connected to them; after some
   * seconds at the latest. Resolves to whether it has. Without a backplane there is nothing to wait for, and it resolves to
   * `true`. It joins if the process has not joined yet. Until there is a client or an event, `configure` may still set other
   * options: the process then joins again with those, and a pending `ready` waits for that.
   */
  ready(): Promise<boolean>;

  /**
   * Answers a request with an event stream: return the `Response` from the route handler. The client counts as connected
   * from here on, and gets every event sent from here on. A `HEAD` request gets the headers and no client. A client that is not
   * let in gets its answer, too: 401 if it has no user and is not `anonymous`, 409, 429 or 503, see `LimitOptions`, and 400 for an
   * id in the query that cannot be used. Options that are not known throw a `TypeError`, so that a misspelt `userId` lets nobody in.
   *
   * It goes on after the event whose id is in the header `Last-Event-ID`, or in the query as `?lastEventId=…`.
   */
  connect(request: Request, client?: ConnectOptions): Response;

  /** Ends a client's stream. Returns whether such a client was connected. Its page will reconnect unless it is refused. */
  disconnectClient(clientId: string): boolean;

  /**
   * Ends all streams of a user, for instance at log-out, and makes the tickets void that the user has for the listener: here, and at
   * all processes that share a backplane. Returns how many there were.
   */
  disconnectUser(userId: UserId): number;

  /** Listens. Calls come on the event loop of the thread that listens, soon after the fact. */
  on<K extends keyof SSEListeners>(type: K, listener: SSEListeners[K]): this;
  off<K extends keyof SSEListeners>(type: K, listener: SSEListeners[K]): this;

  /**
   * Resolves when everything sent so far has been handed to the kernel (to Node, for a client that is streamed through it)
   * for every connected client; after five seconds at the latest, for some may not read. Pending, it keeps the process alive.
   * With a backplane, everything is there first; if that takes more than five seconds, it rejects with an `Error` (code
   * `ERR_SSEKIT_BACKPLANE`) that says why: what was sent still waits, and goes out when the backplane is back.
   */
  flush(): Promise<void>;

  /**
   * The graceful end, before the process ends: nobody is let in any more, and every client is told when to come back (the event
   * `ssekit:drain`, with a `retry` of its own), gets what was sent before, and is let go. Resolves when all are gone. Who comes
   * meanwhile is told the same. There is no way back; a second call waits for the first one.
   */
  drain(options?: DrainOptions): Promise<void>;

  /**
   * Starts ssekit's own HTTP server, on a port of its own: HTTP/1.1, HTTP/2 and TLS, without Node in the path. Its streams
   * belong to this same hub. What is not given comes from the environment, see `ListenOptions`. Asked for again with the same
   * options, it gives back the listener that there is (port 0 is always a new one).
   *
   * Rejects with a `TypeError` or `RangeError` naming the option, with `ERR_SSEKIT_SYSTEM` if the address cannot be listened
   * on, with `ERR_SSEKIT_CONFIGURED` if this process listens there already with other options.
   */
  listen(options?: ListenOptions): Promise<Listener>;

  /**
   * Signs a ticket, which opens a stream at the listener: a JSON Web Token, HS256. Throws an `Error` (code
   * `ERR_SSEKIT_SECRET`) where there is no secret to sign it with, and a `TypeError` for a ticket of nobody's that is not said to be
   * `anonymous`.
   */
  issueTicket(ticket?: NewTicket): string;

  /** Before the hub has started, all numbers are 0, and with a backplane `cluster.link` is `'starting'`. */
  stats(): SSEStats;

  /** The same numbers in Prometheus' text format, version 0.0.4, with names that begin with `ssekit_`. */
  metrics(): string;
}
