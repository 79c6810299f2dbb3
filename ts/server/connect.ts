/** Answers a web `Request` with an event stream. */
import type { ServerResponse } from 'node:http';

import type { ConnectOptions } from '../../index';
import { ClientStream } from './client-stream.js';
import { argumentError } from './errors.js';
import { whenGone } from './gone.js';
import { HandoffCandidate } from './handoff.js';
import { identify } from './identity.js';
import { claimResponse } from './pairs.js';
import { type Answer, answerTo } from './refusals.js';
import { addressOf, socketOf } from './sockets.js';
import { streamHeaders } from './stream-headers.js';

/** `mark`: when the application was asked who it is; a user who was logged out since then is refused. */
export function connect(request: Request, client: ConnectOptions = {}, mark?: number): Response {
  if (typeof request?.headers?.get !== 'function') throw argumentError('request', request, 'a web Request');
  const response = claimResponse();
  const identity = identify(client, {
    url: request.url,
    lastEventId: request.headers.get('last-event-id'),
    address: response && addressOf(socketOf(response)),
  });
  if ('status' in identity) return answer(identity);
  const headers = streamHeaders(client.headers);
  // Next.js answers HEAD with the handler of GET. There is no stream to be a client of.
  if (request.method === 'HEAD') return new Response(null, { headers });
  let stream: ClientStream;
  try {
    stream = new ClientStream({ ...identity, mark }, HandoffCandidate.of(response), response && socketOf(response));
  } catch (error) {
    const refusal = answerTo(error, request.url);
    if (refusal) return answer(refusal, response);
    throw error;
  }
  // Some versions of Next.js report an abort by one of these and not by the other, or by neither: vercel/next.js #61972.
  if (response) whenGone(response, () => stream.close());
  if (request.signal?.aborted) stream.close();
  else request.signal?.addEventListener('abort', () => stream.close(), { once: true });
  return new Response(body(stream), { headers });
}

export function answer({ status, headers, body }: Answer, response?: ServerResponse): Response {
  // A page that is told to come back shall not come back over this connection, to the process that is ending.
  if (status === 200 && response) response.shouldKeepAlive = false;
  return new Response(body, { status, headers });
}

function body(stream: ClientStream): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = await stream.read();
        if (chunk === 'end') return controller.close();
        // The framework is about to see that its client has gone, and to cancel.
        if (chunk === 'handed-off') return new Promise(() => {});
        controller.enqueue(chunk);
      },
      cancel: () => stream.close(),
    },
    // Nothing is read ahead: what Node has not asked for stays in the log.
    { highWaterMark: 0 },
  );
}
