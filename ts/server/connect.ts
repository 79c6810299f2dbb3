/** Answers a web `Request` with an event stream. */
import type { ServerResponse } from 'node:http';

import type { ConnectOptions } from '../../index';
import { ClientStream } from './client-stream.js';
import { whenDisconnected } from './disconnected.js';
import { argumentError } from './errors.js';
import { eventBody } from './event-body.js';
import { listenersOf } from './handoff.js';
import { identify } from './identity.js';
import { type Answer, answerTo } from './refusals.js';
import { likelyResponse, wasOurs } from './request-context.js';
import { addressOf, socketOf } from './sockets.js';
import { leaveConnection, streamHeaders } from './stream-headers.js';

/** `mark` is the moment before the application was asked for the user. A user who was logged out after it is refused. */
export function connect(request: Request, client: ConnectOptions = {}, mark?: number): Response {
  if (typeof request?.headers?.get !== 'function') {
    throw argumentError('request', request, 'a web Request; handleSSE of ssekit/node takes the request of Node.js');
  }
  const response = likelyResponse(request);
  const socket = response && socketOf(response);
  const identity = identify(client, {
    url: request.url,
    lastEventId: request.headers.get('last-event-id'),
    peer: addressOf(socket),
  });
  if ('status' in identity) return answer(identity);
  const headers = streamHeaders(client.headers);
  // Next.js answers HEAD with the handler of GET. HEAD has no stream, so no client connects.
  if (request.method === 'HEAD') return new Response(null, { headers });
  const { signal } = request;
  let ours = 0;
  let stream: ClientStream;
  try {
    stream = new ClientStream(
      { ...identity, mark },
      {
        socket,
        isWatched: () => listenersOf(signal) > ours,
        onClose: client.onClose,
      },
    );
  } catch (error) {
    const refusal = answerTo(error, request.url);
    if (refusal) return answer(refusal, response);
    throw error;
  }
  // Some versions of Next.js report an abort by only one of these, or by neither: vercel/next.js #61972.
  if (response) whenDisconnected(response, () => wasOurs(response) && stream.closeUnlessElsewhere(response));
  if (signal?.aborted) stream.close();
  else if (signal) {
    const before = listenersOf(signal);
    signal.addEventListener('abort', () => stream.close(), { once: true });
    ours = listenersOf(signal) - before;
  }
  if (response) leaveConnection(headers, request.headers.get('user-agent'), request.headers.get('connection'));
  return new Response(eventBody(stream), { headers });
}

export function answer({ status, headers, body }: Answer, response?: ServerResponse): Response {
  // This connection leads to the process that is ending. A page that should come back must use another one.
  if (status === 200 && response) response.shouldKeepAlive = false;
  return new Response(body, { status, headers });
}
