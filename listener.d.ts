/** ssekit's own HTTP server: what `SSEService.listen` takes and gives. */

import type { UserId } from './index';

/**
 * Options of a listener. Each that is missing is taken from the environment variable named beside it, if that is set.
 * Booleans there are `true` or `false`.
 */
export interface ListenOptions {
  /**
   * A name, or an IPv4 or IPv6 address; `::` takes IPv4 as well, where the system does. `SSEKIT_HOST`. Default: `127.0.0.1`.
   */
  host?: string;
  /** 0: one that the system chooses. `SSEKIT_PORT`. Default: 0. */
  port?: number;
  /** Several processes may listen on the port; the kernel deals out connections. `SSEKIT_REUSE_PORT`. Default: false. */
  reusePort?: boolean;
  /** A Unix domain socket instead of a port. `SSEKIT_SOCKET`. */
  socketPath?: string;
  /** The path of the event stream. `SSEKIT_PATH`. Default: `/events`. */
  path?: string;
  /**
   * Certificate chain and private key, PEM. HTTP/2 is then agreed on by ALPN. `SSEKIT_TLS_CERT` and `SSEKIT_TLS_KEY` name
   * files. Default: plain HTTP, with HTTP/2 by prior knowledge.
   */
  tls?: { cert: string | Uint8Array; key: string | Uint8Array };
  /**
   * Pages of other origins that may read the stream. Origins are compared exactly, as a browser writes them
   * (`https://app.example.com`); `*` stands alone and without credentials. With `credentials`, pages may send cookies and
   * `Authorization`. `maxAgeSeconds`: how long a preflight's answer is good, default 600. `SSEKIT_CORS_ORIGINS` (separated by
   * commas) and `SSEKIT_CORS_CREDENTIALS`. Default: none.
   */
  cors?: { origins: string[]; credentials?: boolean; maxAgeSeconds?: number };
  /** Whose tickets open streams. Default: nobody's. */
  tickets?: TicketOptions;
  /** A request without a ticket gets a stream without a user: broadcasts. `SSEKIT_ANONYMOUS`. Default: false. */
  anonymous?: boolean;
  /**
   * Lets whoever presents this token publish, by `POST /publish`. At least 32 printable ASCII characters.
   * `SSEKIT_PUBLISH_TOKEN`. Default: nobody publishes.
   */
  publish?: { token: string };
  /**
   * Who may read `/metrics`: nobody, everybody who reaches the port, or who presents a token. `SSEKIT_METRICS`,
   * `SSEKIT_METRICS_TOKEN`. Default: false.
   */
  metrics?: boolean | { token: string };
  /**
   * All connections come from a proxy, which appends the address that it serves to `X-Forwarded-For`: for
   * `limits.clientsPerAddress` of the hub, the last one there counts. `SSEKIT_TRUST_PROXY`. Default: false.
   */
  trustProxy?: boolean;
  /**
   * An event that is published over HTTP keeps its trace ([W3C trace context](https://www.w3.org/TR/trace-context/)): the
   * `traceparent` and `tracestate` of the request, or those in the event itself, go out as comments before its first field,
   * `: traceparent=…` and `: tracestate=…`. `SSEKIT_TRACE_CONTEXT`. Default: false.
   */
  traceContext?: boolean;
  /**
   * Bounds of what a peer may do. How many clients there may be, in all, of a user and from an address, the hub's own `limits`
   * say (`SSEService.configure`).
   */
  limits?: ListenLimits;
}

/**
 * Tickets are JSON Web Tokens (RFC 7519). `exp` has to be there and is also the end of the stream; `aud` has to name the
 * audience; `sub` is the user id, `cid` the client id, `jti` the ticket's own id. A page presents one as the query's `ticket`,
 * as `Authorization: Bearer`, or in a cookie. One that is not good is answered with 401; why, only the event `error` says.
 */
export interface TicketOptions {
  /**
   * For HS256, at least 32 bytes. Of several, the first signs and all verify. `SSEKIT_TICKET_SECRET` (separated by blanks).
   */
  secret?: string | string[];
  /**
   * Public keys as JSON Web Keys (RFC 7517), found by `kid`: Ed25519 (EdDSA), P-256 (ES256), RSA from 2,048 bits (RS256).
   * `SSEKIT_TICKET_KEYS` names a file with a key set.
   */
  keys?: object[];
  /** What `aud` has to name. `SSEKIT_TICKET_AUDIENCE`. Default: `ssekit`. */
  audience?: string;
  /** What `iss` has to be. `SSEKIT_TICKET_ISSUER`. Default: anything. */
  issuer?: string;
  /** How far clocks may be apart, in seconds, 0 to 300. Default: 5. */
  leewaySeconds?: number;
  /**
   * A ticket opens one stream only. A reconnect of that stream, which `EventSource` makes by itself, still continues it: it has
   * the client id, and in the header `Last-Event-ID` an id of that stream, with the key that no URL has. Remembered per process.
   * `SSEKIT_TICKET_ONE_TIME`. Default: false.
   */
  oneTime?: boolean;
  /** The cookie that may hold a ticket. Default: `ssekit_ticket`. */
  cookie?: string;
}

/** Non-negative integers. */
export interface ListenLimits {
  /** Connections at once, 1 to 10,000,000; more are answered with 503. Default: 100,000. */
  connections?: number;
  /**
   * Connections at once from one address (one /64 network, for IPv6); more are answered with 429. 0: as many as in all, for
   * behind a proxy all come from one. Default: 0.
   */
  connectionsPerAddress?: number;
  /** Connections accepted in a second; the others wait. 0: as they come. Default: 0. */
  acceptsPerSecond?: number;
  /**
   * For a connection's first bytes, TLS's handshake, and a request's whole head, each, in milliseconds, 10 to 3,600,000. Then
   * the connection is closed. Default: 10,000.
   */
  headerTimeoutMs?: number;
  /** From the end of the head to the end of the body; then 408. 10 to 3,600,000. Default: 10,000. */
  bodyTimeoutMs?: number;
  /** An HTTP/2 connection without a stream is closed after one to two times this. 10 to 3,600,000. Default: 60,000. */
  idleTimeoutMs?: number;
  /** Bytes of a request's head, 8,192 to 1,048,576; more: 431. Default: 16,384. */
  headerBytes?: number;
  /** Header fields of an HTTP/1 request, 1 to 1,000; more: 431. Default: 64. */
  headers?: number;
  /** Bytes of a request's target, 64 to 65,000; more: 414. Default: 8,192. */
  urlBytes?: number;
  /** Bytes of a publication, 1,024 to 67,108,864; more: 413. Default: 1,048,576. */
  bodyBytes?: number;
  /** HTTP/2 streams at once on one connection, 1 to 10,000. Default: 128. */
  streamsPerConnection?: number;
}

/** A running listener. It keeps the process alive until it is closed, unless `unref` is called. */
export interface Listener {
  /** The address that it listens on; `null` for a Unix socket. */
  readonly host: string | null;
  /** The port; `null` for a Unix socket. */
  readonly port: number | null;
  /** Open connections, those of streams included. */
  readonly connections: number;
  /**
   * Lets nobody in any more, ends its streams after what was sent to them before, and resolves when its connections are
   * closed: within five seconds, for then those that are left are broken off.
   */
  close(): Promise<void>;
  /** Lets the process end although it listens. */
  unref(): this;
  /** Keeps the process alive again. */
  ref(): this;
}

/** What a ticket shall say. */
export interface NewTicket {
  /** The user. Missing, and not `anonymous`: no ticket, but a `TypeError`. */
  userId?: UserId | null;
  /** Without a user it is a ticket of an anonymous client. */
  anonymous?: boolean;
  /** The client id that the stream has to have. Missing: the page's own proposal, or a new one. */
  clientId?: string;
  /** How long it is good, and the stream that it opens may last, in seconds, 1 to 2,592,000 (30 days). Default: 3,600. */
  ttl?: number;
  /** It is good only so many seconds from now. Default: 0. */
  notBefore?: number;
  /** `aud`. Default: `ssekit`. */
  audience?: string;
  /** `iss`. Default: none. */
  issuer?: string;
  /** What it is signed with. Default: `SSEKIT_TICKET_SECRET`, else the (first) secret of this process's listener. */
  secret?: string;
}
