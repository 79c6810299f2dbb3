/** `ssekit/node`: the event stream on Node's own response, as plain http, Express, Fastify and the pages router have it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';

import type { ConnectOptions } from '../../index';
import { ClientStream } from '../server/client-stream.js';
import { CLAIMED, identify, streamHeaders } from '../server/connect.js';
import { hasCode } from '../server/errors.js';
import { whenGone } from '../server/gone.js';
import { HandoffCandidate } from '../server/handoff.js';
import { watchRequests } from '../server/pairs.js';

watchRequests();

/** The part of Node's responses that HTTP/1.1 and HTTP/2 have in common. */
type AnyResponse = ServerResponse | Http2ServerResponse;

/**
 * Answers with an event stream. Headers that were set on `res` before go out with it. With Fastify, call `reply.hijack()`
 * first and pass `request.raw` and `reply.raw`.
 *
 * Returns the client's id, or `null` if there is no stream: the request was a `HEAD`, or claimed the client id of another
 * user (409).
 */
export function handleSSE(
  req: IncomingMessage | Http2ServerRequest,
  res: AnyResponse,
  client: ConnectOptions = {},
): string | null {
  const lastEventId = req.headers['last-event-id'];
  const identity = identify(client, Array.isArray(lastEventId) ? lastEventId[0] : lastEventId);
  const headers = streamHeaders(client.headers);
  if (req.method === 'HEAD') {
    writeHead(res, headers);
    res.end();
    return null;
  }
  let stream: ClientStream;
  try {
    stream = new ClientStream(identity, HandoffCandidate.of('chunkedEncoding' in res ? res : undefined));
  } catch (error) {
    if (!hasCode(error, 'ERR_SSEKIT_CLAIMED')) throw error;
    res.writeHead(CLAIMED.status, { 'content-type': 'text/plain' });
    res.end(CLAIMED.body);
    return null;
  }
  whenGone(res, () => stream.close());
  try {
    writeHead(res, headers);
  } catch (error) {
    // The application has sent a head of its own, for instance.
    stream.close();
    throw error;
  }
  void carry(stream, res);
  return stream.clientId;
}

function writeHead(res: AnyResponse, headers: Headers): void {
  for (const [name, value] of headers) {
    // The only header that may stand several times; `Headers` gives each on its own.
    if (name === 'set-cookie') res.appendHeader(name, value);
    else res.setHeader(name, value);
  }
  res.writeHead(200);
}

/** Passes a stream on, no faster than the response takes it. */
async function carry(stream: ClientStream, res: AnyResponse): Promise<void> {
  for (let chunk = await stream.read(); chunk !== 'handed-off'; chunk = await stream.read()) {
    if (chunk === 'end') {
      res.end();
      return;
    }
    if (!write(res, chunk)) await drained(res);
  }
}

function write(res: AnyResponse, chunk: Uint8Array): boolean {
  return (res as ServerResponse).write(chunk);
}

function drained(res: AnyResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      res.off('drain', done);
      res.off('close', done);
      resolve();
    };
    res.once('drain', done);
    res.once('close', done);
  });
}
