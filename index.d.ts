/**
 * ssekit: push Server-Sent Events from a Next.js or Node.js server to browsers.
 *
 * The engine (registry, history, streams, sockets) is native code with its own threads. All copies of this module in a process
 * use the same engine, in any bundle, hot-reload generation or worker thread.
 */

import type { Listener, ListenOptions, NewTicket } from './listener';

/**
 * The events of your app: each name with the type of its `data`. It is empty until you declare yours. TypeScript then checks the
 * `data` of every event with one of these names. Under any other name, the data may have any type.
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
 * One event, as the page sees it: a plain object, or an instance of your own class, with `data` or a name. An array or another
 * built-in object in its place throws a `TypeError`.
 *
 * On the wire, it has the WHATWG event-stream format:
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export interface SSEEvent<T = unknown, Name extends string = string> {
  /**
   * The name that `EventSource.addEventListener` listens for. No control characters; names that begin with `ssekit:` are
   * reserved for ssekit. Default, also for an empty name: `message`.
   */
  event?: Name;
  /**
   * Anything that `JSON.stringify` accepts, sent by its rules, up to `maxEventBytes`. For a name in `SSEEventMap`, the type given
   * there. `undefined` is sent as `null`.
   */
  data: Name extends keyof SSEEventMap ? SSEEventMap[Name] : T;
  /**
   * `lastEventId` in the page. 1 to 256 printable ASCII characters without spaces at either end, because a reconnecting page sends
   * it in a header. Default: `<epoch>.<position>`, chosen by ssekit.
   */
  id?: string;
  /** The time the page waits before it reconnects, in milliseconds: a non-negative safe integer. Default: unchanged. */
  retry?: number;
  /**
   * A lagging or absent client gets only the newest event with the same key and the same receivers (the same user, client or channel,
   * or everybody). Use it where an older state is of no use: progress, presence, prices. 1 to 256 bytes; the key is not sent.
   * Default: every event is kept.
   */
  coalesceKey?: string;
  /**
   * The trace that this event belongs to, for instance of the message that caused it
   * ([W3C trace context](https://www.w3.org/TR/trace-context/)). The send's OpenTelemetry span links to it, and `ssekit/publish` passes it
   * on to the listener. An invalid one is ignored. Pages get it only from a listener with `traceContext`.
   */
  traceparent?: string;
  /** With `traceparent`: what tracing systems add to it. */
  tracestate?: string;
}

export type {
  CorsOptions,
  InspectorRights,
  Listener,
  ListenerInspectorOptions,
  ListenLimits,
  ListenOptions,
  NewTicket,
  TicketOptions,
} from './listener';

/** A value that JSON can carry. */
export type JSONValue =
  | string
  | number
  | boolean
  | null
  | readonly JSONValue[]
  | { readonly [name: string]: JSONValue | undefined };

/** A string of 1 to 256 bytes. A finite number or a bigint counts as its decimal string, so `42` and `'42'` are the same user. */
export type UserId = string | number | bigint;

/** The way a stream reaches its client. */
export type Transport = 'handoff' | 'stream' | 'listener';

/** Options of this process's only hub. Each is fixed once the hub has started; see `SSEService.configure`. */
export interface SSEOptions {
  /**
   * `'auto'`: hand the socket over to native code where possible, otherwise stream through Node. `'stream'`: always stream through
   * Node. Default: `'auto'`.
   */
  transport?: 'auto' | 'stream';
  /** Largest encoded event, in bytes, 1,024 to 67,108,864. Default: 1,048,576 (1 MiB). */
  maxEventBytes?: number;
  /**
   * An idle connection gets a heartbeat after this time, in milliseconds, 100 to 3,600,000. Proxies then keep the connection, and a
   * dead peer is noticed. Default: 25,000.
   */
  heartbeatMs?: number;
  /**
   * `'comment'`: heartbeats are comments, which a page with the native `EventSource` does not see. `'event'`: each is the event
   * `ssekit:heartbeat`, for a page with a watchdog of its own; `ssekit/client` needs none. Default: `'comment'`.
   */
  heartbeat?: 'comment' | 'event';
  /** `retry` of each stream's first event, in milliseconds, 0 to 3,600,000. Default: 2,000. */
  retryMs?: number;
  /**
   * Threads of the native runtime, 1 to 64. Default: one fewer than the process has cores, which leaves one core to Node; at least
   * 1, at most 4.
   */
  threads?: number;
  /**
   * A connection ends if sent data stays unacknowledged for this time, in milliseconds, 1,000 to 3,600,000. So a peer that vanished
   * without a word is noticed after `heartbeatMs` plus this time at the latest. The same holds for a peer that stopped reading and
   * whose buffers are full (TCP user timeout, RFC 5482; Linux). Default: 30,000.
   */
  timeoutMs?: number;
  /**
   * A user is offline when the last client has been gone for this time, in milliseconds, 0 to 3,600,000. So a user who reloads a
   * page does not go offline in between. Default: 5,000.
   */
  presenceGraceMs?: number;
  /** The maximum lag of a client before it is disconnected. The client then comes back and catches up. Default: no bounds. */
  maxLag?: MaxLag;
  /** The maximum number of clients, and of channels of each client. */
  limits?: LimitOptions;
  /** The events that the hub remembers, for slow and returning clients to catch up. */
  history?: HistoryOptions;
  /**
   * Options of channels, by name. A name with `*` at its end stands for all channels that begin like it; the longest one counts. All
   * processes that share a backplane need the same. Default: none.
   */
  channels?: Record<string, ChannelOptions>;
  /** Connects this process with others, to act as one hub. Default: the environment's backplane, if it names one. */
  backplane?: BackplaneOptions;
  /** Options of the drain when the process gets SIGTERM or SIGINT. */
  drain?: DrainOptions;
  /**
   * Whether the process drains the hub and then ends when it gets SIGTERM or SIGINT. If nobody else listens to the signal, the
   * process ends by the signal. Signals do not end the first process of a container, so that one ends with exit code 0. If others
   * listen, they decide how the process ends. If they choose the exit code that stands for the signal (143, 130), as Next.js does, it
   * becomes 0, because all went well. A second signal ends the process at once. Default: true.
   */
  drainOnSigterm?: boolean;
}

/**
 * The maximum lag of a client. The hub checks at least eight times in `heartbeatMs`, for clients whose socket takes nothing at that
 * moment, and for streams through Node, HTTP/2 or TLS with something unread. It disconnects a client that exceeds a bound, with the
 * reason `slow`. Without bounds, a client keeps its place, and receives `ssekit:reset` when the history no longer has an event that it
 * has not got. Either way, it costs no memory beyond the history. Events sent before a client came back do not count.
 */
export interface MaxLag {
  /** Events that wait for the client, 1 to 10,000,000. Default: no bound. */
  events?: number;
  /** Bytes that wait for the client, 1,024 to 2^40. Default: no bound. */
  bytes?: number;
  /** The maximum time that an event waits, in milliseconds, 100 to 2^40. Default: no bound. */
  ms?: number;
}

/**
 * The number of clients that may be connected. ssekit always accepts a client that replaces its own older connection. An
 * `EventSource` gives up when it is refused: the page must try again by itself, and `Retry-After` says when.
 */
export interface LimitOptions {
  /** Clients in total, 1 to 10,000,000. The next one gets 503. Default: no limit. */
  clients?: number;
  /** Clients of one user, 1 to 10,000,000. The next one gets 429. Default: no limit. */
  clientsPerUser?: number;
  /**
   * Clients from one address, 1 to 10,000,000; for IPv6, its first 64 bits count. The next one gets 429. See
   * `ConnectOptions.address`. Default: no limit.
   */
  clientsPerAddress?: number;
  /** Channels of one client, 1 to 10,000. One more throws a `RangeError`. Default: 128. */
  channelsPerClient?: number;
}

/** Options of the channels with one name, or with one beginning. */
export interface ChannelOptions {
  /**
   * Whether the channel's clients learn who else is there: by `ssekit:join` when a client subscribes, and by `ssekit:leave` when it has
   * unsubscribed, or has been gone for `presenceGraceMs`. See docs/channels.md. Default: false.
   */
  presence?: boolean;
  /** Bounds of the channel's log, in place of those in `history`. */
  history?: ChannelHistoryOptions;
}

/** Bounds of one channel's log. */
export interface ChannelHistoryOptions {
  /** Events, 1 to 10,000,000. Default: 10,000. */
  maxEvents?: number;
  /** Bytes, 1,024 to 2^40; the newest event is always kept. Default: 8,388,608 (8 MiB). */
  maxBytes?: number;
}

/**
 * Makes several processes one hub. An event from one process reaches the clients of all, a page may come back to any, and every process
 * knows who is connected. Either a folder connects the processes of one machine (see docs/durability.md), or Redis (6.2 or later) or
 * Valkey connects those of several (see docs/cluster.md). To choose both is an error, and so are an option and the other one's variable.
 */
export interface BackplaneOptions {
  /**
   * A folder, in which the history survives restarts. All processes that use the folder are one hub. A relative path counts from the
   * working directory. Default: the environment variable `SSEKIT_DATA_DIR`.
   */
  file?: string;
  /**
   * The events that survive a loss of power, with `file`. With `'always'`, the disk has an event before anybody gets it. With
   * `'process'`, events survive the end of every process. After a loss of power, every client receives `ssekit:reset`. Default:
   * `'process'`.
   */
  durability?: 'process' | 'always';
  /** The age at which an event may leave the folder, in milliseconds, 1,000 to 2^40. Default: 86,400,000 (one day). */
  maxAgeMs?: number;
  /** The maximum number of events in the folder, 100 to 100,000,000. Default: 100,000. */
  maxEvents?: number;
  /**
   * Bytes of those events, 1,048,576 to 2^40. The newest are always kept. The files are somewhat larger. Default: 268,435,456
   * (256 MiB).
   */
  maxBytes?: number;
  /**
   * `redis://[user[:password]@]host[:port][/database]`; `rediss://…` for TLS; with sentinels,
   * `redis+sentinel://[user[:password]@]host[:port][,host[:port]…]/service[/database]`. Sentinels that want a login of their own get it
   * from `?sentinelUser=…&sentinelPassword=…` at the end. Default: the environment variable `SSEKIT_REDIS_URL`.
   */
  redis?: string;
  /** All keys begin with this prefix, in braces. Apps with different prefixes do not hear each other. Default: `ssekit`. */
  prefix?: string;
  /** The approximate number of events that Redis keeps for processes that start or were cut off, 100 to 100,000,000. Default: 100,000. */
  maxStreamEvents?: number;
  /** A process that is silent for this time, in milliseconds, 1,000 to 3,600,000, is gone with its clients. Default: 10,000. */
  leaseMs?: number;
  /**
   * Events that wait while the backplane cannot be used, 1 to 10,000,000. Beyond that, the oldest are dropped, and every client
   * receives `ssekit:reset` once it is back. Default: 100,000.
   */
  maxBufferedEvents?: number;
  /** Bytes of those events, 1,024 to 2^40. Default: 67,108,864 (64 MiB). */
  maxBufferedBytes?: number;
  /**
   * The treatment of events while the backplane cannot be used. With `'deliver'`, clients of this process get its events at once,
   * before those that others send at the same time. A page that then comes back to another process receives `ssekit:reset`. With
   * `'wait'`, nobody gets anything before all processes have agreed on the order. Either way, the events go out to everybody when
   * it is back, and nobody gets them twice. Default: `'deliver'`.
   */
  whenDown?: 'deliver' | 'wait';
  /**
   * PEM certificates of the authorities that may have signed the certificate of `rediss://…`. Default: those that Node.js trusts,
   * plus those in the file that `NODE_EXTRA_CA_CERTS` names.
   */
  ca?: string;
}

/** The clients that a query covers. */
export interface PresenceOptions {
  /** `'cluster'`: clients of all processes that share a backplane. `'local'`: those of this process. Default: `'cluster'`. */
  scope?: 'cluster' | 'local';
}

/** The state of this process among those that share its backplane. */
export interface ClusterStats {
  /** `starting`: the process has not joined yet. `down`: the backplane cannot be used at the moment. */
  link: 'starting' | 'up' | 'down';
  /** Other known processes. */
  nodes: number;
  /** Clients connected to those processes. */
  clients: number;
  /** Events that wait for the backplane. */
  buffered: number;
  /** Bytes of those events. */
  bufferedBytes: number;
  /** Events dropped because too many waited. */
  dropped: number;
  /** The number of times the backplane became unusable. */
  outages: number;
  /** The absolute path of the folder with the history. `null`: the history is in Redis. */
  dir: string | null;
}

/** The timing of a drain. `ssekit:drain` tells each client when to come back, then its connection is closed. */
export interface DrainOptions {
  /** Clients are let go spread over this time, in milliseconds, 0 to 3,600,000. Default: 2,000. */
  windowMs?: number;
  /** Clients come back after one to two times this time, in milliseconds, 0 to 3,600,000. Default: 1,000. */
  retryMs?: number;
}

/** Bounds of the history. A client that has not yet seen an event that falls out of the history receives `ssekit:reset`. */
export interface HistoryOptions {
  /** Events in one log (one for broadcasts, one per user, client and channel), 1 to 10,000,000. Default: 10,000. */
  maxEvents?: number;
  /** Bytes in one log, 1,024 to 2^40. The newest event is always kept. Default: 8,388,608 (8 MiB). */
  maxBytes?: number;
  /** Bytes in all logs together, 1,024 to 2^40. The oldest events go first. Default: 67,108,864 (64 MiB). */
  maxTotalBytes?: number;
  /**
   * Age of an event, in milliseconds, 100 to 2^40. A page that has been idle for half of it gets a newer id by `ssekit:position`, so
   * that it can resume however long it is idle. Default: 300,000 (five minutes).
   */
  maxAgeMs?: number;
}

/** The owner and the details of a new connection. */
export interface ConnectOptions {
  /** The user. Without a user and without `anonymous`, the request gets 401. */
  userId?: UserId | null;
  /** Lets in a client without a user. Such an anonymous client gets broadcasts, and events for its client id. Default: false. */
  anonymous?: boolean;
  /**
   * The client's id, 1 to 256 printable ASCII characters. Default: the query's `?clientId=…`, which a page repeats when it
   * reconnects; otherwise a new UUID.
   *
   * The same user's newer connection replaces an older one with the same id. Another user who claims the id gets 409, until the
   * client has been away for `history.maxAgeMs` or the application has ended it. An anonymous client keeps the id as long as it
   * shows the key at the end of its event ids, as a reconnecting `EventSource` does. Otherwise it gets another id.
   */
  clientId?: string;
  /**
   * The channels that the client subscribes to, besides those that it had before: see `SSEService.subscribe`. More than
   * `limits.channelsPerClient` throw a `RangeError`. Never take them from the request without a check, because a client reads every
   * channel that it names.
   */
  channels?: readonly string[] | null;
  /**
   * Your code's own data about the client, for instance the name of its user: see `SSEService.getClients`. Pages do not see it. At
   * most 1,024 bytes of JSON.
   */
  data?: JSONValue;
  /**
   * The page was rendered with everything up to this cursor, so the stream begins with what came after it: see `SSEService.cursor`. If
   * those events are gone, or the cursor is unknown, the page receives `ssekit:reset`. A last event id takes precedence. Default: the
   * query's `?since=…`.
   */
  since?: string | null;
  /** Your own data in `ssekit:ready`, as `welcome`. At most `maxEventBytes` of JSON. */
  welcome?: JSONValue;
  /**
   * The client's IP address, for `limits.clientsPerAddress`. A port, brackets and a zone are allowed: `192.0.2.1:8080`,
   * `[2001:db8::1]:443`. Behind a proxy, take it from the header that your proxy sets. Default, also for a value that is not an IP
   * address: the socket's address, where it is known.
   */
  address?: string | null;
  /**
   * More response headers. They cannot replace the headers that make an event stream. An array gives several headers with one name
   * (`'set-cookie': [a, b]` are two cookies). `undefined` and `null` are left out.
   */
  headers?:
    | ConstructorParameters<typeof Headers>[0]
    | Record<string, string | number | readonly string[] | null | undefined>;
  /**
   * Called once when this client is gone, however its stream was carried. Stop the client's timers and subscriptions here. It is not
   * called if the client is refused.
   */
  onClose?: () => void;
}

/**
 * A page that comes back gets its stream without a call of `identify`, before the framework sees the request: by a signed cookie that the
 * answer to its first request has set. See docs/deploying.md.
 */
export interface ResumeOptions {
  /**
   * The time for which a cookie is good after each connection, in seconds, 1 to `maxAge`. A page that has been connected for longer asks
   * `identify` again, so this should be as long as pages stay open.
   */
  ttl: number;
  /** The time after `identify` let the page in, however often the page has come back since, in seconds, 1 to 2,592,000. Default: 43,200. */
  maxAge?: number;
  /**
   * The cookies that tell who the visitor is. If one of them changes, `identify` is asked. Default: all cookies but ssekit's own. Name
   * them if other cookies change while a page is open.
   */
  cookies?: string[];
  /** Other headers that tell who the visitor is, besides `Authorization`. Default: none. */
  headers?: string[];
}

/** A client that connected or disconnected. */
export interface ClientInfo {
  clientId: string;
  /** `null` for an anonymous client. */
  userId: string | null;
}

/** A connected client. */
export interface ClientDetails {
  /** Only for your server: with its id, a client without a user could be taken over. */
  id: string;
  /** The client's name in `ssekit:join` and `ssekit:leave`, for pages. */
  member: string;
  /** `null` for an anonymous client. */
  userId: string | null;
  /** The `data` that it connected with; `undefined` without. */
  data: JSONValue | undefined;
  /** When it connected. */
  connectedAt: Date;
  /**
   * The way its stream reaches it. `opening`: its response is on the way, so the transport is not known yet. `elsewhere`: it is a
   * client of another process that shares the backplane.
   */
  transport: 'opening' | 'elsewhere' | Transport;
  /**
   * The number of streams in the connection that brings its stream, its own included: the tabs of a browser share it (`share` of
   * `ssekit/client`). `undefined` if it has a connection of its own, or another process or worker thread has the connection.
   */
  sharedBy?: number;
  /** The channels that it has subscribed to. */
  channels: string[];
}

/** Selects the clients that meet all conditions. */
export interface ClientFilter {
  /** Clients of this user. */
  userId?: UserId;
  /** Clients that have subscribed to this channel. */
  channel?: string;
}

/** The clients whose subscriptions change: one client, or all connected clients of a user. */
export type SubscriptionTarget = { clientId: string } | { userId: UserId };

export interface SubscribeOptions {
  /**
   * A cursor: the client first gets the channel's events after it. If they are gone, or the cursor is unknown, it gets `ssekit:reset`
   * for that channel. Default: no earlier events.
   */
  since?: string | null;
}

/** The receivers whose events are read back. */
export type HistoryAudience = { userId: UserId } | { channel: string } | { broadcast: true };

export interface HistoryQuery {
  /** The id of an event, or a cursor: only what came after it. Default: everything that is kept. */
  after?: string | null;
  /** The maximum number of events, 1 to 10,000; the newest ones are returned. Default: 100. */
  limit?: number;
}

/** An event that was sent. */
export interface StoredEvent {
  /** Its id on the wire. */
  id: string;
  /** Its name. Missing: `message`. */
  event?: string;
  /** Its data on the wire: JSON. */
  data: string;
  /** Missing, unless it was sent with the event. */
  retry?: number;
}

/** Why a client is gone. */
export type DisconnectReason =
  /** The peer closed or reset the connection, or Node reported an aborted request. */
  | 'peer'
  /** `disconnectClient` or `disconnectUser` ended it. */
  | 'server'
  /** A newer connection with the same client id took its place. */
  | 'replaced'
  /** Nobody read the response: the handler threw after `connect`, or did not return its response. */
  | 'unopened'
  /** The peer sent more than 16 KiB after its request, which no event-stream client does. */
  | 'protocol'
  /** An internal fault of ssekit. The event `error` reports it, too. */
  | 'fault'
  /** Sent data stayed unacknowledged for `timeoutMs`. */
  | 'timeout'
  /** The client exceeded `maxLag`. */
  | 'slow'
  /** The hub was drained. */
  | 'drained'
  /** The ticket that opened the stream expired. */
  | 'expired';

/** Why a client was refused. */
export type RefusalReason =
  /** `limits.clients` was reached. */
  | 'clients'
  /** `limits.clientsPerUser` was reached. */
  | 'user'
  /** `limits.clientsPerAddress` was reached. */
  | 'address'
  /** Its client id belongs to another user. */
  | 'claimed'
  /** The hub is being drained, or has been. */
  | 'draining';

export interface DisconnectInfo extends ClientInfo {
  reason: DisconnectReason;
}

export interface SSEListeners {
  connect: (client: ClientInfo) => void;
  disconnect: (client: DisconnectInfo) => void;
  /** A user who was offline has a client. */
  userOnline: (user: { userId: string }) => void;
  /** A user's last client has been gone for `presenceGraceMs`. */
  userOffline: (user: { userId: string }) => void;
  /** Something went wrong that no caller can learn of. Without any listener, the process writes it to stderr. */
  error: (error: Error) => void;
}

/**
 * Why a stream stays with Node. Its events still arrive, but the stream costs event-loop time:
 *
 * - `transport`: `transport: 'stream'`, or Windows
 * - `protocol`: TLS, HTTP/2, or a connection that is not one of Node's own sockets
 * - `shared`: the tabs of a browser share one connection (`share` of `ssekit/client`)
 * - `response`: ssekit cannot be certain which response carries the stream, for example because it waits behind another one
 * - `body`: something other than a pipe to the response read the body: an adapter, a `TransformStream`, a `clone()`
 * - `wrapped`: something between the stream and the socket may change what is written, for example a middleware's `res.write`
 * - `head`: the head is not that of a plain event stream: another status, type, encoding or length
 * - `request`: the request's body was not read to its end
 * - `bytes`: Node wrote more or fewer bytes than the head and the first event
 * - `system`: the system refused, for example because no descriptors are left
 */
export type NotHandedOffReason =
  | 'transport'
  | 'protocol'
  | 'shared'
  | 'response'
  | 'body'
  | 'wrapped'
  | 'head'
  | 'request'
  | 'bytes'
  | 'system';

/** Counters since the hub started, and gauges of this moment. */
export interface SSEStats {
  /** Connected clients. */
  clients: number;
  /** Users with at least one connected client. */
  users: number;
  /** Channels with a client or an event in the history. */
  channels: number;
  /** Absent clients. Their ids and events are kept until they come back, for at most `history.maxAgeMs`. */
  away: number;
  /** Connected clients by transport. `opening` clients do not have one yet. */
  transports: { opening: number; handoff: number; stream: number; listener: number };
  /** Clients that connected since the start. */
  connects: number;
  /** Those among them that a ticket let in, before the framework saw their request. See `ResumeOptions`. */
  resumed: number;
  /** Clients that disconnected since the start, by reason. */
  disconnects: Record<DisconnectReason, number>;
  /** Refused clients, by reason. */
  refusals: Record<RefusalReason, number>;
  /** Streams whose socket stayed with Node, by reason. */
  notHandedOff: Record<NotHandedOffReason, number>;
  /** Events that `sendToUser`, `sendToClient`, `sendToChannel` and `broadcast` accepted. With a backplane, those of all processes. */
  events: number;
  /** Events that a newer one with the same `coalesceKey` replaced. */
  coalesced: number;
  /** Events written to clients, counted once per client. */
  deliveries: number;
  /** Bytes written to clients, including heartbeats and framing. */
  bytes: number;
  /** Heartbeats written, with each `ssekit:position`, which takes the place of one. */
  heartbeats: number;
  /** `ssekit:reset` events written. Each tells a client about a gap. */
  resets: number;
  /**
   * The lag of clients, as of the last check; there are at least eight checks in `heartbeatMs`. `clients` counts those whose socket
   * takes nothing more, and those whose stream goes through Node, HTTP/2 or TLS and was not read for one interval between checks.
   * `events` is the most that wait for one client. `ms` is the longest time that an event has been waiting. Events sent before a
   * client came back do not count.
   */
  lag: { clients: number; events: number; ms: number };
  /** The history's current size. */
  history: { logs: number; events: number; bytes: number };
  /** The epoch in this hub's ids. It changes whenever the history starts anew. Empty before the hub has started. */
  epoch: string;
  /** Position of the newest event. An event for an unknown client, which the history does not keep, counts as well. */
  position: number;
  /** The state of this process among the others. `null` without a backplane. */
  cluster: ClusterStats | null;
}

/**
 * The hub of this process.
 *
 * Errors:
 *
 * - `TypeError`, code `ERR_SSEKIT_ARGUMENT`: an argument cannot be used.
 * - `RangeError`, code `ERR_SSEKIT_RANGE`: an event or a number is out of bounds.
 * - `RangeError`, code `ERR_SSEKIT_CHANNELS_FULL`: a client would have more than `limits.channelsPerClient` channels.
 * - `Error`, code `ERR_SSEKIT_CONFIGURED`: an option differs from the running hub's.
 *
 * The message names the argument, what it got and what it wants. A call that throws has sent nothing. Nothing that a client does ever
 * throws here.
 */
export declare class SSEService {
  private constructor();

  /** Returns the only instance. Synchronous; call it from anywhere, as often as you like. */
  static getInstance(): SSEService;

  /**
   * Sets all options at once: an option that is not named has its default. Setting the same options again is fine; a hot reload does
   * that. An option that differs from an earlier call or from the running hub throws an `Error` that names it.
   *
   * The hub starts with its first client or event, or with `subscribe`, `unsubscribe`, `cursor`, `disconnectUser`, `listen` or `drain`.
   * Listeners and queries (`on`, `off`, `stats`, `metrics`, `ready`, `flush`, `history`, and who is connected) may come before or after
   * `configure`, in any order.
   */
  static configure(options: SSEOptions): SSEService;

  /**
   * Sends to one client. Returns whether it is connected. A client that is away for a moment gets the event when it comes back with
   * its id. A client that was away for longer than `history.maxAgeMs` gets `ssekit:reset`.
   */
  sendToClient<T = unknown, Name extends string = string>(clientId: string, event: SSEEvent<T, Name>): boolean;

  /** Sends to all connections of a user. Returns the number of connected clients that the event was addressed to. */
  sendToUser<T = unknown, Name extends string = string>(userId: UserId, event: SSEEvent<T, Name>): number;

  /** Sends to every client except `excludeClientId`. Returns the number of connected clients that the event was addressed to. */
  broadcast<T = unknown, Name extends string = string>(
    event: SSEEvent<T, Name>,
    excludeClientId?: string | null,
  ): number;

  /**
   * Sends to all clients that have subscribed to a channel. Returns the number of connected clients that the event was
   * addressed to. A channel is only a name: 1 to 256 bytes without control characters. You do not create it. A name stands for a
   * channel only, never for a user or client of that name.
   */
  sendToChannel<T = unknown, Name extends string = string>(channel: string, event: SSEEvent<T, Name>): number;

  /**
   * Subscribes a client to a channel. Returns `true` if this call subscribed the client; `false` if it was subscribed already, or
   * is unknown. The page learns by `ssekit:subscribed` where its subscription begins. A client that is away for a moment keeps its
   * subscriptions.
   *
   * Throws a `RangeError` (`ERR_SSEKIT_CHANNELS_FULL`) if the client already has `limits.channelsPerClient` channels.
   */
  subscribe(target: { clientId: string }, channel: string, options?: SubscribeOptions): boolean;
  /** Subscribes all connected clients of a user. Returns the number of clients that had not subscribed before. */
  subscribe(target: { userId: UserId }, channel: string, options?: SubscribeOptions): number;

  /** Ends a client's subscription. Returns whether there was one. The page learns by `ssekit:unsubscribed` where it ends. */
  unsubscribe(target: { clientId: string }, channel: string): boolean;
  /** Ends the subscriptions of all connected clients of a user. Returns the number of clients that had subscribed. */
  unsubscribe(target: { userId: UserId }, channel: string): number;

  /** Returns the channels that have connected clients, in no particular order. */
  getChannels(): string[];

  /** Returns the ids of the connected clients that have subscribed to a channel, in no particular order. */
  getClientsByChannel(channel: string): string[];

  /** Returns what is known about the connected clients, in no particular order: all, or those of a user, a channel, or both. */
  getClients(filter?: ClientFilter): ClientDetails[];

  /**
   * Returns "everything up to now". Read it before the data that you render a page with, and let the page connect with it
   * (`ConnectOptions.since`). The page then gets each event that came after it, once. In a Server Component, use `cursor` of
   * `ssekit/next`, which keeps Next.js from rendering the page at build time.
   */
  cursor(): string;

  /**
   * Reads back what was sent to a user, to a channel, or to everybody, the newest event last. It goes back no further than the bounds of
   * `HistoryOptions`, or those of the folder if the history is in one.
   *
   * Rejects with an `Error`: code `ERR_SSEKIT_EVICTED` if events after `after` are not kept any more, or `after` is unknown;
   * `ERR_SSEKIT_BACKPLANE` if the folder cannot be read.
   */
  history(audience: HistoryAudience, options?: HistoryQuery): Promise<StoredEvent[]>;

  /**
   * Returns the ids of the connected clients, in no particular order. With a backplane, it covers all processes. The answer comes from
   * a local view, which follows the other processes within milliseconds.
   */
  getActiveClients(options?: PresenceOptions): string[];

  /** Returns the ids of a user's connected clients: first this process's, then others', each with the oldest connection first. */
  getClientsByUser(userId: UserId, options?: PresenceOptions): string[];

  /** Returns whether a user has a client, or had one in this process less than `presenceGraceMs` ago. */
  isOnline(userId: UserId, options?: PresenceOptions): boolean;

  /**
   * Joins the other processes that share the backplane, unless this process has joined already. Resolves to `true` when it has joined
   * and knows who is connected to the others, or to `false` after some seconds. Without a backplane there is nothing to wait for, and
   * it resolves to `true`.
   *
   * Until there is a client or an event, `configure` may still set other options. The process then joins again with those, and a
   * pending `ready` waits for that.
   */
  ready(): Promise<boolean>;

  /**
   * Answers a request with an event stream: return the `Response` from the route handler. From this call on, the client counts as
   * connected and gets every event. The stream resumes after the event whose id is in the header `Last-Event-ID`, or in the query as
   * `?lastEventId=…`. A `HEAD` request gets the headers, and no client connects. A refused client gets its answer as well:
   *
   * - 400 if an id in the query cannot be used;
   * - 401 if it has no user and is not `anonymous`;
   * - 409 if its client id belongs to another user, see `ConnectOptions.clientId`;
   * - 429 or 503 if a limit is reached, see `LimitOptions`.
   *
   * An unknown option throws a `TypeError`, so a misspelt `userId` lets nobody in.
   */
  connect(request: Request, client?: ConnectOptions): Response;

  /** Ends a client's stream. Returns whether such a client was connected. Its page reconnects unless you refuse it. */
  disconnectClient(clientId: string): boolean;

  /**
   * Ends all streams of a user, for instance at log-out, and voids the user's tickets for the listener. It does so in this process,
   * and in all that share its backplane. Returns the number of these streams.
   */
  disconnectUser(userId: UserId): number;

  /** Adds a listener. It is called on the event loop of the thread that added it, soon after the fact. */
  on<K extends keyof SSEListeners>(type: K, listener: SSEListeners[K]): this;
  off<K extends keyof SSEListeners>(type: K, listener: SSEListeners[K]): this;

  /**
   * Resolves when everything sent so far has reached the kernel, for every connected client. For a client that is streamed through
   * Node, it only has to reach Node. It resolves after five seconds at the latest, because some clients may not read. While pending, it
   * keeps the process alive.
   *
   * With a backplane, everything must reach the backplane first. If that takes more than five seconds, the promise rejects with an
   * `Error` (code `ERR_SSEKIT_BACKPLANE`) that says why. The events still wait, and go out when the backplane is back.
   */
  flush(): Promise<void>;

  /**
   * Disconnects all clients gracefully before the process ends. The hub admits no more clients. Every connected client gets its remaining
   * events, then `ssekit:drain`, whose own `retry` says when to come back. Then the connection ends. A client that arrives meanwhile gets
   * `ssekit:drain`, too. Resolves when all clients are gone. There is no way back; a second call waits for the first one.
   */
  drain(options?: DrainOptions): Promise<void>;

  /**
   * Starts ssekit's own HTTP server, on its own port: HTTP/1.1, HTTP/2 and TLS, without Node in the path. Its streams belong to this
   * same hub. Missing options come from the environment, see `ListenOptions`. A second call with the same options resolves to the
   * existing listener; port 0 always opens a new one.
   *
   * Rejects with
   *
   * - a `TypeError` or `RangeError` that names the option;
   * - code `ERR_SSEKIT_SYSTEM` if it cannot listen on the address;
   * - code `ERR_SSEKIT_CONFIGURED` if this process already listens there with other options.
   */
  listen(options?: ListenOptions): Promise<Listener>;

  /**
   * Signs a ticket, which opens a stream at the listener: a JSON Web Token, HS256. Throws an `Error` (code `ERR_SSEKIT_SECRET`) if
   * there is no secret to sign it with, and a `TypeError` for a ticket that has no user and is not `anonymous`.
   */
  issueTicket(ticket?: NewTicket): string;

  /** Returns the statistics. Before the hub has started, all numbers are 0, and with a backplane `cluster.link` is `'starting'`. */
  stats(): SSEStats;

  /** Returns the same numbers in Prometheus's text format, version 0.0.4. All names begin with `ssekit_`. */
  metrics(): string;
}
