/** `ssekit/node`: the event stream on Node's own response, for plain http, Express, Fastify and the pages router. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';

import type { ConnectOptions } from '../../index';
import { ClientStream, type Sink } from '../server/client-stream.js';
import { whenDisconnected } from '../server/disconnected.js';
import { argumentError } from '../server/errors.js';
import { identify } from '../server/identity.js';
import { type Answer, answerTo } from '../server/refusals.js';
import { isOverheard, watchersAtFirst, watchersOf, watchRequests } from '../server/request-context.js';
import { addressOf, socketOf } from '../server/sockets.js';
import { leaveConnection, streamHeaders } from '../server/stream-headers.js';

watchRequests();

/** Node's responses of HTTP/1.1 and HTTP/2. */
type AnyResponse = ServerResponse | Http2ServerResponse;

/**
 * Answers a request with an event stream. Headers that were set on `res` before go out with it. With Fastify, call `reply.hijack()`
 * first and pass `request.raw` and `reply.raw`.
 *
 * Returns the client's id, or `null` if there is no stream. There is none for a `HEAD` request, or for a refused client, which has
 * already got its answer.
 */
export function handleSSE(
  req: IncomingMessage | Http2ServerRequest,
  res: AnyResponse,
  client: ConnectOptions = {},
): string | null {
  checkExchange(req, res);
  const lastEventId = req.headers['last-event-id'];
  const socket = socketOf(res);
  const identity = identify(client, {
    url: req.url,
    lastEventId: Array.isArray(lastEventId) ? lastEventId[0] : lastEventId,
    peer: addressOf(socket),
  });
  if ('status' in identity) return refuse(res, identity);
  const headers = streamHeaders(client.headers);
  if (req.method === 'HEAD') {
    writeHead(res, headers);
    res.end();
    return null;
  }
  const response = 'chunkedEncoding' in res ? res : undefined;
  let ours = watchersAtFirst();
  let stream: ClientStream;
  try {
    stream = new ClientStream(identity, {
      socket,
      isWatched: () => response !== undefined && (watchersOf(response) > ours || isOverheard(response)),
      onClose: client.onClose,
    });
  } catch (error) {
    const answer = answerTo(error, req.url);
    if (answer) return refuse(res, answer);
    throw error;
  }
  whenDisconnected(res, () => stream.close());
  if (response) {
    ours += 1;
    leaveConnection(headers, req.headers['user-agent'], req.headers.connection);
  }
  try {
    writeHead(res, headers);
  } catch (error) {
    // For instance, the application has already sent its own head.
    stream.close();
    throw error;
  }
  void stream.pourInto(sinkOf(res), response);
  return stream.clientId;
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

function writeHead(res: AnyResponse, headers: Headers): void {
  for (const [name, value] of headers) {
    // The only header that may occur several times; `Headers` yields each separately.
    if (name === 'set-cookie') res.appendHeader(name, value);
    else res.setHeader(name, value);
  }
  res.writeHead(200);
}

function sinkOf(res: AnyResponse): Sink {
  return {
    write: (chunk) => (res as ServerResponse).write(chunk),
    drained: (written) => drained(res, written),
    end: () => res.end(),
  };
}

/** The maximum wait when `write` reports a full response that is not full: a middleware may never report more. */
const UNTOLD_DRAIN_MS = 1_000;

function drained(res: AnyResponse, written: unknown): Promise<void> | undefined {
  // The result of `write` may come from a middleware, which often returns nothing.
  const isFull = needsDrain(res);
  if (!isFull && written !== false) return undefined;
  return new Promise((resolve) => {
    const timer = isFull ? undefined : setTimeout(done, UNTOLD_DRAIN_MS).unref();
    function done(): void {
      clearTimeout(timer);
      res.off('drain', done);
      res.off('close', done);
      resolve();
    }
    res.once('drain', done);
    res.once('close', done);
  });
}

function needsDrain(res: AnyResponse): boolean {
  return 'stream' in res ? !res.stream.destroyed && res.stream.writableNeedDrain : res.writableNeedDrain;
}
