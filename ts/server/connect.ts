/** Answers a web `Request` with an event stream. */
import type { ConnectOptions } from '../../index';
import { checkClientId, checkUserId } from './arguments.js';
import { type ClientIdentity, ClientStream } from './client-stream.js';
import { argumentError, hasCode } from './errors.js';
import { whenGone } from './gone.js';
import { HandoffCandidate } from './handoff.js';
import { claimResponse } from './pairs.js';

/**
 * What makes a response an event stream that arrives as it is sent. `no-transform` keeps Next.js and proxies from compressing
 * it (RFC 9111, section 5.2.2.6), `X-Accel-Buffering` keeps nginx from collecting it.
 */
export const STREAM_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/** The answer to a claim to another user's client id. */
export const CLAIMED = { status: 409, body: 'This client id belongs to another user.\n' } as const;

export function identify(client: ConnectOptions, lastEventId: string | null | undefined): ClientIdentity {
  if (typeof client !== 'object' || client === null)
    throw argumentError('client', client, 'an object { userId?, clientId? }');
  const { userId, clientId } = client;
  return {
    userId: userId === undefined || userId === null ? undefined : checkUserId(userId),
    clientId: clientId === undefined ? undefined : checkClientId('clientId', clientId),
    // An empty id is what a page sends that was told to forget it.
    lastEventId: lastEventId || undefined,
  };
}

/** The headers of the response: the caller's, then those that it cannot do without. */
export function streamHeaders(own: ConnectOptions['headers']): Headers {
  const headers = new Headers(own);
  for (const [name, value] of Object.entries(STREAM_HEADERS)) headers.set(name, value);
  for (const name of ['content-length', 'content-encoding', 'transfer-encoding']) headers.delete(name);
  return headers;
}

export function connect(request: Request, client: ConnectOptions = {}): Response {
  if (typeof request?.headers?.get !== 'function') throw argumentError('request', request, 'a web Request');
  const identity = identify(client, request.headers.get('last-event-id'));
  const headers = streamHeaders(client.headers);
  // Next.js answers HEAD with the handler of GET. There is no stream to be a client of.
  if (request.method === 'HEAD') return new Response(null, { headers });
  const response = claimResponse();
  let stream: ClientStream;
  try {
    stream = new ClientStream(identity, HandoffCandidate.of(response));
  } catch (error) {
    if (hasCode(error, 'ERR_SSEKIT_CLAIMED')) return new Response(CLAIMED.body, { status: CLAIMED.status });
    throw error;
  }
  // Some versions of Next.js report an abort by one of these and not by the other, or by neither: vercel/next.js #61972.
  if (response) whenGone(response, () => stream.close());
  if (request.signal?.aborted) stream.close();
  else request.signal?.addEventListener('abort', () => stream.close(), { once: true });
  return new Response(body(stream), { headers });
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
