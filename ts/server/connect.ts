/** Answers a web `Request` with an event stream. */
import type { ServerResponse } from 'node:http';

import type { ConnectOptions } from '../../index';
import { ClientStream } from './client-stream.js';
import { whenDisconnected } from './disconnected.js';
import { argumentError } from './errors.js';
import { eventBody } from './event-body.js';
import { listenersOf } from './handoff.js';
import { type ClientIdentity, identify } from './identity.js';
import { openBody } from './open-body.js';
import { type Answer, answerTo } from './refusals.js';
import { likelyResponse, targetOf, wasOurs, watchContexts } from './request-context.js';
import { ticketFor } from './resume/cookie.js';
import { standBefore } from './resume/front.js';
import type { Resume } from './resume/options.js';
import { SharedCarrier } from './shared-carrier.js';
import { answerAnyone, CARRIER, joined, purposeOf, TOO_MANY } from './sharing.js';
import { addressOf, socketOf } from './sockets.js';
import { leaveConnection, streamHeaders } from './stream-headers.js';

/** What a route knows, and a caller of `connect` does not. */
export interface Asking {
  /** A mark from before the application was asked for the user. A user who was logged out after it is refused. */
  mark?: number;
  /** Whether the page may come back without a question, and the moment before the application was asked. */
  ticket?: { resume: Resume; moment: number };
}

export function connect(request: Request, client: ConnectOptions = {}, { mark, ticket }: Asking = {}): Response {
  if (typeof request?.headers?.get !== 'function') {
    throw argumentError('request', request, 'a web Request; handleSSE of ssekit/node takes the request of Node.js');
  }
  watchContexts();
  const response = likelyResponse(request);
  const identity = identify(client, {
    url: request.url,
    lastEventId: request.headers.get('last-event-id'),
    peer: addressOf(response && socketOf(response)),
  });
  if ('status' in identity) return answer(identity);
  if (response) standBefore(targetOf(response), ticket !== undefined);
  // Next.js answers HEAD with the handler of GET. HEAD has no stream, so no client connects.
  if (request.method === 'HEAD') return new Response(null, { headers: streamHeaders(client.headers) });
  try {
    const shared = connectShared(request, client, { ...identity, mark }, response);
    return shared ?? connectAlone(request, client, { ...identity, mark }, response, ticket);
  } catch (error) {
    const refusal = answerTo(error, request.url);
    if (refusal) return answer(refusal, response);
    throw error;
  }
}

function connectAlone(
  request: Request,
  client: ConnectOptions,
  identity: ClientIdentity,
  response: ServerResponse | undefined,
  ticket: Asking['ticket'],
): Response {
  const headers = streamHeaders(client.headers);
  const { signal } = request;
  let ours = 0;
  const stream = new ClientStream(identity, {
    socket: response && socketOf(response),
    response,
    isWatched: () => listenersOf(signal) > ours,
    onClose: client.onClose,
  });
  // Some versions of Next.js report an abort by only one of these, or by neither: vercel/next.js #61972.
  if (response) whenDisconnected(response, () => wasOurs(response) && stream.closeUnlessElsewhere(response));
  if (signal?.aborted) stream.close();
  else if (signal) {
    const before = listenersOf(signal);
    signal.addEventListener('abort', () => stream.close(), { once: true });
    ours = listenersOf(signal) - before;
  }
  if (response) leaveConnection(headers, request.headers.get('user-agent'), request.headers.get('connection'));
  if (response && ticket) ticketFor(response, { ...ticket, client, identity, target: targetOf(response) }, headers);
  return new Response(eventBody(stream), { headers });
}

/** The request's wish about the connection that the tabs of a browser share; undefined if it gets a stream of its own. */
function connectShared(
  request: Request,
  client: ConnectOptions,
  identity: ClientIdentity,
  response: ServerResponse | undefined,
): Response | undefined {
  const whole = answerAnyone(request.url, request.headers);
  if (whole) return new Response(whole.body, whole);
  const purpose = purposeOf(request.headers);
  if (purpose?.type === 'open') return openCarrier(request, client, identity, response);
  const shared = joined(purpose, identity, client);
  shared?.start();
  return shared && new Response(null, { status: 202, headers: shared.headers });
}

function openCarrier(
  { signal }: Request,
  client: ConnectOptions,
  { userId }: ClientIdentity,
  response: ServerResponse | undefined,
): Response {
  const { body, sink } = openBody(() => carrier?.close());
  const carrier = SharedCarrier.open(userId, sink, response);
  if (!carrier) return new Response(TOO_MANY.body, TOO_MANY);
  const headers = streamHeaders(client.headers);
  headers.set(CARRIER, carrier.key);
  carrier.greet();
  if (response) whenDisconnected(response, () => wasOurs(response) && carrier.close());
  if (signal?.aborted) carrier.close();
  else signal?.addEventListener('abort', () => carrier.close(), { once: true });
  return new Response(body, { headers });
}

export function answer({ status, headers, body }: Answer, response?: ServerResponse): Response {
  // This connection leads to the process that is ending. A page that should come back must use another one.
  if (status === 200 && response) response.shouldKeepAlive = false;
  return new Response(body, { status, headers });
}
