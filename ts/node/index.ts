/** `ssekit/node`: the event stream on Node's own response, for plain http, Express, Fastify and the pages router. */
import type { ServerResponse } from 'node:http';

import type { ConnectOptions, ResumeOptions } from '../../index';
import { native } from '../server/binding.js';
import { ClientStream, type Sink } from '../server/client-stream.js';
import { whenDisconnected } from '../server/disconnected.js';
import { argumentError } from '../server/errors.js';
import type { AnyRequest, AnyResponse } from '../server/exchange.js';
import { type ClientIdentity, identify } from '../server/identity.js';
import { type Answer, answerTo } from '../server/refusals.js';
import { isOverheard, targetOf, watchersAtFirst, watchersOf, watchRequests } from '../server/request-context.js';
import { ticketFor } from '../server/resume/cookie.js';
import { standBefore } from '../server/resume/front.js';
import { checkResume, type Resume } from '../server/resume/options.js';
import { SharedCarrier } from '../server/shared-carrier.js';
import { answerAnyone, CARRIER, joined, purposeOf, TOO_MANY, type Whole } from '../server/sharing.js';
import { addressOf, socketOf } from '../server/sockets.js';
import { leaveConnection, streamHeaders } from '../server/stream-headers.js';
import { drained } from './drained.js';

export { handleInspector, type InspectorGrant, type InspectorOptions } from './inspector.js';

watchRequests();

export interface HandleOptions extends ConnectOptions {
  /**
   * Lets a page that comes back have its stream before the framework sees its request, by a signed cookie. Default: each request is
   * handled.
   */
  resume?: ResumeOptions;
}

/**
 * Answers a request with an event stream. Headers that were set on `res` before go out with it. With Fastify, call `reply.hijack()`
 * first and pass `request.raw` and `reply.raw`.
 *
 * Returns the client's id, or `null` if there is no stream. There is none for a `HEAD` request, for a refused client, which has already
 * got its answer, or for a request that only prepares the connection that the tabs of a browser share.
 */
export function handleSSE(req: AnyRequest, res: AnyResponse, options: HandleOptions = {}): string | null {
  checkExchange(req, res);
  const { resume: wanted, ...known } = options ?? {};
  const resume = checkResume('client.resume', wanted);
  // Anything that is no object is an error of `identify`.
  const client = typeof options === 'object' && options !== null && !Array.isArray(options) ? known : options;
  const identity = identify(client, {
    url: req.url,
    lastEventId: one(req.headers['last-event-id']),
    peer: addressOf(socketOf(res)),
  });
  if ('status' in identity) return refuse(res, identity);
  if (req.method === 'HEAD') {
    writeHead(res, 200, streamHeaders(client.headers));
    res.end();
    return null;
  }
  try {
    const shared = handleShared(req, res, client, identity);
    return shared === undefined ? handleAlone(req, res, client, identity, resume) : shared;
  } catch (error) {
    const answer = answerTo(error, req.url);
    if (answer) return refuse(res, answer);
    throw error;
  }
}

function handleAlone(
  req: AnyRequest,
  res: AnyResponse,
  client: ConnectOptions,
  identity: ClientIdentity,
  resume: Resume | undefined,
): string {
  const headers = streamHeaders(client.headers);
  const response = 'chunkedEncoding' in res ? res : undefined;
  let ours = watchersAtFirst();
  const stream = new ClientStream(identity, {
    socket: socketOf(res),
    response: res,
    isWatched: () => response !== undefined && (watchersOf(response) > ours || isOverheard(response)),
    onClose: client.onClose,
  });
  whenDisconnected(res, () => stream.close());
  if (response) {
    ours += 1;
    leaveConnection(headers, req.headers['user-agent'], req.headers.connection);
  }
  const target = response && targetOf(response);
  if (target !== undefined) standBefore(target, resume !== undefined);
  if (response && target !== undefined && resume) {
    ticketFor(response, { resume, moment: native().moment(), client, identity, target }, headers);
  }
  begin(stream, res, 200, headers);
  void stream.pourInto(sinkOf(res), response);
  return stream.clientId;
}

/** Answers a request about the connection that the tabs of a browser share; returns undefined if it gets a stream of its own. */
function handleShared(
  req: AnyRequest,
  res: AnyResponse,
  client: ConnectOptions,
  identity: ClientIdentity,
): string | null | undefined {
  const asked = { get: (name: string): string | null => one(req.headers[name]) ?? null };
  const whole = answerAnyone(req.url, asked);
  if (whole) return answerWhole(res, whole);
  const purpose = purposeOf(asked);
  if (purpose?.type === 'open') return openCarrier(res, client, identity);
  const shared = joined(purpose, identity, client);
  if (!shared) return undefined;
  const { stream, headers, start } = shared;
  begin(stream, res, 202, headers);
  res.end();
  start();
  return stream.clientId;
}

function begin(stream: ClientStream, res: AnyResponse, status: number, headers: Headers): void {
  try {
    writeHead(res, status, headers);
  } catch (error) {
    // For instance, the application has already sent its own head.
    stream.close();
    throw error;
  }
}

function openCarrier(res: AnyResponse, client: ConnectOptions, { userId }: ClientIdentity): null {
  const headers = streamHeaders(client.headers);
  const carrier = SharedCarrier.open(userId, sinkOf(res), res);
  if (!carrier) return answerWhole(res, TOO_MANY);
  headers.set(CARRIER, carrier.key);
  whenDisconnected(res, () => carrier.close());
  writeHead(res, 200, headers);
  carrier.greet();
  return null;
}

function answerWhole(res: AnyResponse, { status, headers, body }: Whole): null {
  writeHead(res, status, new Headers(headers));
  res.end(body ?? '');
  return null;
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

function checkExchange(req: unknown, res: unknown): void {
  const { headers } = (req ?? {}) as { headers?: unknown };
  // The headers of a web `Request` are read by a method.
  if (typeof headers !== 'object' || headers === null || typeof (headers as { get?: unknown }).get === 'function') {
    throw argumentError('req', req, 'the request of Node.js; SSEService.connect takes a web Request');
  }
  const { writeHead } = (res ?? {}) as { writeHead?: unknown };
  if (typeof writeHead !== 'function') throw argumentError('res', res, 'the response of Node.js');
}

function refuse(res: AnyResponse, { status, headers, body }: Answer): null {
  // A page that comes back later must not use this connection, because it leads to the ending process.
  if (status === 200 && 'shouldKeepAlive' in res) res.shouldKeepAlive = false;
  // HTTP/2 has its own type for the same thing.
  (res as ServerResponse).writeHead(status, headers);
  res.end(body);
  return null;
}

function writeHead(res: AnyResponse, status: number, headers: Headers): void {
  for (const [name, value] of headers) {
    // The only header that may occur several times; `Headers` yields each separately.
    if (name === 'set-cookie') res.appendHeader(name, value);
    else res.setHeader(name, value);
  }
  res.writeHead(status);
}

function sinkOf(res: AnyResponse): Sink {
  return {
    write: (chunk) => (res as ServerResponse).write(chunk),
    drained: (written) => drained(res, written),
    end: () => res.end(),
  };
}
