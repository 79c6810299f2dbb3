/**
 * The requests by which the tabs of a browser share one connection. `ts/client` makes them, to the route of the stream. So the application
 * decides for each of them which user it belongs to, as for any stream.
 */
import type { ConnectOptions } from '../../index';
import { ClientStream } from './client-stream.js';
import { type ClientIdentity, queryOf } from './identity.js';
import { SharedCarrier } from './shared-carrier.js';
import { headersOf } from './stream-headers.js';
import { WORKER_SCRIPT, WORKER_VERSION } from './worker-script.js';

/**
 * Asks for sharing, and tells in an answer which carrier has the stream. A page of another site cannot send it, because no preflight is
 * answered. And headers stay out of access logs, unlike URLs.
 */
export const CARRIER = 'ssekit-carrier';

/** The version of the header's text. Pages and servers may be older than their other end. */
const VERSION = 'v1';

/** The purpose of a request. */
export type Purpose =
  /** To open a carrier. */
  | { type: 'open' }
  /** To send the request's stream over one of these carriers, under this number. */
  | { type: 'join'; number: number; keys: string[] }
  /** To end a stream. */
  | { type: 'leave'; number: number; key: string };

/** The headers of a request. */
type RequestHeaders = Pick<Headers, 'get'>;

/** Returns the purpose of a request about sharing. Any other request gets its own stream. */
export function purposeOf(headers: RequestHeaders): Purpose | undefined {
  const [version, type, number = '', ...keys] = (headers.get(CARRIER) ?? '').split(' ');
  const site = headers.get('sec-fetch-site') ?? 'same-origin';
  if (version !== VERSION || site !== 'same-origin') return undefined;
  if (type === 'open') return { type };
  const [key] = keys;
  if (!/^[1-9]\d{0,14}$/.test(number) || !key) return undefined;
  // A worker has two at most, so more keys are guesses.
  if (type === 'join') return { type, number: Number(number), keys: keys.slice(0, 2) };
  return type === 'leave' ? { type, number: Number(number), key } : undefined;
}

/** An answer that needs no user. */
export interface Whole {
  status: number;
  headers: Record<string, string>;
  body: string | null;
}

/**
 * Answers a request for the worker's script, and one that ends a stream. The script is no secret. And the key is proof enough for an end,
 * which must work after the user has logged out.
 */
export function answerAnyone(url: string | undefined, headers: RequestHeaders): Whole | undefined {
  const version = queryOf(url).get('ssekit-worker');
  if (version !== null) return script(version);
  const purpose = purposeOf(headers);
  if (purpose?.type !== 'leave') return undefined;
  // Another process may have the carrier. With 404, the worker cuts it.
  const status = SharedCarrier.leave(purpose.key, purpose.number) ? 204 : 404;
  return { status, headers: { 'cache-control': 'no-store' }, body: null };
}

function script(version: string): Whole {
  const type = { 'content-type': 'text/javascript; charset=utf-8', 'x-content-type-options': 'nosniff' };
  if (version === WORKER_VERSION) {
    return {
      status: 200,
      headers: { ...type, 'cache-control': 'public, max-age=31536000, immutable' },
      body: WORKER_SCRIPT,
    };
  }
  // The page is older or newer than this server. Under its version, it must not get another script.
  return { status: 404, headers: { ...type, 'cache-control': 'no-store' }, body: '' };
}

/** A stream that a carrier is to carry: call `start` once the request is answered. */
interface Joined {
  stream: ClientStream;
  /** Those of the empty answer. */
  headers: Headers;
  start(): void;
}

/** Makes the stream of a request that joins a carrier. Returns undefined if the request does not, or may not. */
export function joined(
  purpose: Purpose | undefined,
  identity: ClientIdentity,
  { headers, onClose }: ConnectOptions,
): Joined | undefined {
  if (purpose?.type !== 'join') return undefined;
  const { keys, number } = purpose;
  const carrier = SharedCarrier.of(keys, identity.userId, number);
  if (!carrier) return undefined;
  const stream = new ClientStream(identity, { socket: carrier.socket, isWatched: () => false, onClose });
  return { stream, headers: joinedHeaders(carrier, headers), start: () => carrier.add(number, stream) };
}

/** The answer if too many carriers wait. The worker's tabs open their own streams. */
export const TOO_MANY: Whole = {
  status: 503,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body: 'Too many carriers without a stream.\n',
};

/** The headers of an empty answer, for a tab whose stream goes over this carrier. `own`: those of the application. */
function joinedHeaders({ key }: SharedCarrier, own: ConnectOptions['headers']): Headers {
  const headers = headersOf(own);
  headers.delete('content-type');
  headers.set('cache-control', 'no-store');
  headers.set(CARRIER, key);
  return headers;
}
