/** ssekit's own HTTP server: the options and the result of `SSEService.listen`. */

import type { UserId } from './index';

/**
 * Options of a listener. A missing option comes from the environment variable named beside it, if that is set. Booleans in the
 * environment are `true` or `false`.
 */
export interface ListenOptions {
  /**
   * A name, or an IPv4 or IPv6 address. `::` accepts IPv4 as well, where the system does. `SSEKIT_HOST`. Default: `127.0.0.1`.
   */
  host?: string;
  /** 0 to 65,535. With 0, the system chooses a port. `SSEKIT_PORT`. Default: 0. */
  port?: number;
  /** Lets several processes listen on the port; the kernel deals out connections. `SSEKIT_REUSE_PORT`. Default: false. */
  reusePort?: boolean;
  /** A Unix domain socket instead of a port. `SSEKIT_SOCKET`. */
  socketPath?: string;
  /** The path of the event stream. `SSEKIT_PATH`. Default: `/events`. */
  path?: string;
  /**
   * Certificate chain and private key, PEM. ALPN then negotiates HTTP/2. `SSEKIT_TLS_CERT` and `SSEKIT_TLS_KEY` name files: both, or neither.
   * Default: plain HTTP, with HTTP/2 by prior knowledge.
   */
  tls?: { cert: string | Uint8Array; key: string | Uint8Array };
  /** Other origins whose pages may read the stream. Default: no other origins. */
  cors?: CorsOptions;
  /** The tickets that open streams. Default: no tickets. */
  tickets?: TicketOptions;
  /** A request without a ticket gets a stream of broadcasts, without a user. `SSEKIT_ANONYMOUS`. Default: false. */
  anonymous?: boolean;
  /**
   * The token for publishing by `POST /publish`. At least 32 printable ASCII characters. `SSEKIT_PUBLISH_TOKEN`. Default: nobody
   * can publish.
   */
  publish?: { token: string };
  /**
   * Access to `/metrics`: for nobody (`false`), for everybody who reaches the port (`true`), or for clients that present the token.
   * `SSEKIT_METRICS`, `SSEKIT_METRICS_TOKEN`. Default: false.
   */
  metrics?: boolean | { token: string };
  /**
   * Access to `/inspector`, a page that shows who is connected, and what is sent to whom while it happens. Default: nobody.
   */
  inspector?: ListenerInspectorOptions;
  /**
   * All connections come from a proxy that appends its client's address to `X-Forwarded-For`. The last address there then counts for
   * the hub's `limits.clientsPerAddress`. `SSEKIT_TRUST_PROXY`. Default: false.
   */
  trustProxy?: boolean;
  /**
   * An event published over HTTP keeps its trace ([W3C trace context](https://www.w3.org/TR/trace-context/)). The `traceparent` and
   * `tracestate` of the request, or those in the event itself, go out as comments before the event's first field:
   * `: traceparent=…` and `: tracestate=…`. `SSEKIT_TRACE_CONTEXT`. Default: false.
   */
  traceContext?: boolean;
  /**
   * Bounds of what a peer may do. The hub's own `limits` (`SSEService.configure`) bound the number of clients: in total, per user and
   * per address.
   */
  limits?: ListenLimits;
}

/** The rights of an inspector, besides looking. */
export interface InspectorRights {
  /** It shows the data of events and of clients. `SSEKIT_INSPECTOR_DATA`. Default: false. */
  data?: boolean;
  /** It may send events. `SSEKIT_INSPECTOR_SEND`. Default: false. */
  send?: boolean;
  /** It may disconnect clients. `SSEKIT_INSPECTOR_DISCONNECT`. Default: false. */
  disconnect?: boolean;
}

/** Access to the inspector. The page itself is public and has no data; its requests need the token. */
export interface ListenerInspectorOptions extends InspectorRights {
  /**
   * The token that the page asks for, or takes from `/inspector#token=…`, which no server gets to see. At least 32 printable ASCII
   * characters. `SSEKIT_INSPECTOR_TOKEN`.
   */
  token: string;
}

/** Cross-origin requests. */
export interface CorsOptions {
  /**
   * Origins are compared exactly, as a browser writes them (`https://app.example.com`). `*` stands alone and without credentials.
   * `SSEKIT_CORS_ORIGINS` (separated by commas).
   */
  origins: string[];
  /** Pages may send cookies and `Authorization`. `SSEKIT_CORS_CREDENTIALS`. Default: false. */
  credentials?: boolean;
  /** The time a preflight's answer stays valid, in seconds. Default: 600. */
  maxAgeSeconds?: number;
}

/**
 * Tickets are JSON Web Tokens (RFC 7519). `exp` is required, and is also the end of the stream. `aud` must name the audience. `sub` is
 * the user id, `cid` the client id, `ch` the channels, and `jti` the ticket's own id. A page presents a ticket as the query's `ticket`, as
 * `Authorization: Bearer`, or in a cookie. An invalid ticket gets 401. Only the event `error` says why.
 */
export interface TicketOptions {
  /**
   * For HS256, at least 32 bytes. If there are several, the first signs and all verify. `SSEKIT_TICKET_SECRET` (separated by blanks).
   */
  secret?: string | string[];
  /**
   * Public keys as JSON Web Keys (RFC 7517), found by `kid`: Ed25519 (EdDSA), P-256 (ES256), RSA from 2,048 bits (RS256).
   * `SSEKIT_TICKET_KEYS` names a file with a key set.
   */
  keys?: object[];
  /** The audience that `aud` must name. `SSEKIT_TICKET_AUDIENCE`. Default: `ssekit`. */
  audience?: string;
  /** The required value of `iss`. `SSEKIT_TICKET_ISSUER`. Default: any value. */
  issuer?: string;
  /** The maximum difference between clocks, in seconds, 0 to 300. Default: 5. */
  leewaySeconds?: number;
  /**
   * A ticket opens only one stream. A reconnect of that stream, which `EventSource` makes by itself, still continues it. It brings
   * the client id, and in the header `Last-Event-ID` an id of that stream, with the key that no URL has. Each process remembers used
   * tickets for itself. `SSEKIT_TICKET_ONE_TIME`. Default: false.
   */
  oneTime?: boolean;
  /** The cookie that may hold a ticket. Default: `ssekit_ticket`. */
  cookie?: string;
}

/** Non-negative integers. */
export interface ListenLimits {
  /** Connections at once, 1 to 10,000,000; any more get 503. Default: 100,000. */
  connections?: number;
  /**
   * Connections at once from one address (for IPv6, one /64 network), 0 to 10,000,000; any more get 429. With 0, only `connections`
   * counts. Default: 0, because behind a proxy all connections come from one address.
   */
  connectionsPerAddress?: number;
  /** Connections accepted per second, 0 to 10,000,000; the others wait. With 0, there is no limit. Default: 0. */
  acceptsPerSecond?: number;
  /**
   * Time for each of these: a connection's first bytes, the TLS handshake, and a request's whole head. In milliseconds, 10 to
   * 3,600,000. Then the connection is closed. Default: 10,000.
   */
  headerTimeoutMs?: number;
  /** Time from the end of the head to the end of the body, then 408. In milliseconds, 10 to 3,600,000. Default: 10,000. */
  bodyTimeoutMs?: number;
  /**
   * An HTTP/2 connection without a stream is closed after one to two times this time, in milliseconds, 10 to 3,600,000.
   * Default: 60,000.
   */
  idleTimeoutMs?: number;
  /** Bytes of a request's head, 8,192 to 1,048,576. A larger one gets 431. Default: 16,384. */
  headerBytes?: number;
  /** Header fields of an HTTP/1 request, 1 to 1,000. A request with more gets 431. Default: 64. */
  headers?: number;
  /** Bytes of a request's target, 64 to 65,000. A longer one gets 414. Default: 8,192. */
  urlBytes?: number;
  /** Bytes of a publication, 1,024 to 67,108,864. A larger one gets 413. Default: 1,048,576. */
  bodyBytes?: number;
  /** HTTP/2 streams at once on one connection, 1 to 10,000. Default: 128. */
  streamsPerConnection?: number;
}

/** A running listener. It keeps the process alive until it is closed, unless you call `unref`. */
export interface Listener {
  /** The address on which it listens. `null` for a Unix socket. */
  readonly host: string | null;
  /** The port. `null` for a Unix socket. */
  readonly port: number | null;
  /** Open connections, including those of streams. */
  readonly connections: number;
  /**
   * Stops accepting clients, and ends its streams once they have got what was sent before. Resolves when all its connections are
   * closed, within five seconds, because then the remaining ones are broken off.
   */
  close(): Promise<void>;
  /** Lets the process end even though the listener is open. */
  unref(): this;
  /** Keeps the process alive again. */
  ref(): this;
}

/** The contents of a new ticket. */
export interface NewTicket {
  /** The user. Without a user and without `anonymous`, `issueTicket` throws a `TypeError`. */
  userId?: UserId | null;
  /** Allows a ticket without a user, for an anonymous client. Default: false. */
  anonymous?: boolean;
  /** The client id that the stream must have. Default: the page's own proposal, or a new id. */
  clientId?: string;
  /**
   * The channels that the ticket's page may read. The stream gets those with an exact name at once. A beginning of names with a `*`
   * (`order:*`) lets the page ask for any channel with this prefix; a lone `*` allows every channel. `ch` in the ticket. Default: none.
   */
  channels?: string[];
  /** The time for which the ticket is valid and its stream may last, in seconds, 1 to 2,592,000 (30 days). Default: 3,600. */
  ttl?: number;
  /** The ticket becomes valid this many seconds from now, 0 to 2,592,000. It must end within 30 days, too. Default: 0. */
  notBefore?: number;
  /** `aud`. Default: `ssekit`. */
  audience?: string;
  /** `iss`. Default: no `iss`. */
  issuer?: string;
  /** The secret that signs it. Default: the first one in `SSEKIT_TICKET_SECRET`, otherwise the first one of this process's listener. */
  secret?: string;
}
