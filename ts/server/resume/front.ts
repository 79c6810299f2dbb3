/**
 * Stands before the framework: answers pages that bring a ticket, and lets the others in by turns.
 *
 * Node announces each request on a diagnostics channel right before it emits the request. If the request is for a stream, the server gets an
 * `emit` of its own for this one call. Nothing is left behind on the server, and other requests are not touched. Tools that watch requests
 * by wrapping `emit` see those of pages with a ticket as ever: their `emit` is called, with our listener in place of the framework's.
 */
import { channel } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

import { native } from '../binding.js';
import { whenDisconnected } from '../disconnected.js';
import { watchSigterm } from '../drain.js';
import { isPlain, isWrapped, letGo } from '../handoff.js';
import { pulled } from '../pulled.js';
import { answerTo } from '../refusals.js';
import { inContextOf, isOverheard, onRequest, watchersAtFirst, watchersOf } from '../request-context.js';
import { CARRIER } from '../sharing.js';
import { addressOf, descriptorOf, type OpenSocket, widenQueue } from '../sockets.js';
import { STREAM_HEADERS } from '../stream-headers.js';
import { Line } from './line.js';
import { giveSecrets } from './secrets.js';
import { begin, hasRoom } from './under-way.js';
import { expectMore, takeRefusal, watchConnections } from './unread.js';

interface Front {
  /** The paths of streams, and whether there are tickets for them. */
  paths: Map<string, boolean>;
  /** Whether there are tickets for any of them, so that connections are looked at as well. */
  hasTickets: boolean;
}

/** One for all copies of this package. The number is the version of the data that they share. */
const KEY = Symbol.for('ssekit.front.2');

const shared = globalThis as { [KEY]?: Front };

/** The maximum number of paths. A route with a parameter has as many as pages ask for, and those beyond are like any other. */
const MOST_PATHS = 10_000;

/** Pages with a ticket. Each takes some tens of microseconds. */
const returning = new Line({ perTurn: 64, most: Number.POSITIVE_INFINITY });

/** Pages without one. Under Next.js, each takes one to two milliseconds, but not in one piece. */
const connecting = new Line({ perTurn: 4, most: 8_192, mayGoOn: hasRoom, arrivalsFirst: 128 });

/** From now on, requests for this path are requests for a stream. With `tickets`, no question is asked about pages that bring one. */
export function standBefore(target: string, tickets: boolean): void {
  shared[KEY] ??= open();
  const { paths, hasTickets } = shared[KEY];
  const path = pathOf(target);
  if (paths.size < MOST_PATHS || paths.has(path)) paths.set(path, tickets);
  if (!tickets || hasTickets) return;
  shared[KEY].hasTickets = true;
  watchConnections((path) => paths.get(path) === true);
}

function open(): Front {
  onRequest((request, response, server) => arrive(request, response, server));
  return { paths: new Map(), hasTickets: false };
}

function pathOf(target: string): string {
  const end = target.indexOf('?');
  return end < 0 ? target : target.slice(0, end);
}

/** A request for a stream. */
interface Arrival {
  request: IncomingMessage;
  response: ServerResponse;
  server: Server;
}

/** One that may bring a ticket, with its socket. */
interface Return extends Arrival {
  socket: OpenSocket;
  fd: number;
  /** The error by which it was refused before Node read it. */
  refusal: unknown;
}

function arrive(request: IncomingMessage, response: ServerResponse, server: Server): void {
  const { url = '', method } = request;
  const tickets = method === 'GET' ? shared[KEY]?.paths.get(pathOf(url)) : undefined;
  // The same path may have another answer for those who want no events.
  if (tickets === undefined || !request.headers.accept?.includes('text/event-stream')) return;
  widenQueue(server);
  const arrival: Arrival = { request, response, server };
  const returned = tickets ? returnOf(arrival) : undefined;
  insteadOfEmit(arrival, () => (returned ? comeBack(returned) : letIn(arrival)));
}

function returnOf(arrival: Arrival): Return | undefined {
  const { headers } = arrival.request;
  if (!headers.cookie?.includes('ssekit-resume-') || CARRIER in headers) return undefined;
  // A body would be taken for noise (RFC 9112, section 6.3).
  if ('content-length' in headers || 'transfer-encoding' in headers) return undefined;
  const socket = arrival.request.socket as OpenSocket;
  const fd = descriptorOf(socket);
  if (fd === undefined || !isPlain(socket) || isWrapped(socket)) return undefined;
  if (process.platform === 'win32' || !native().mayHandOff()) return undefined;
  return { ...arrival, socket, fd, refusal: takeRefusal(socket) };
}

/** Returns whether the request is not for the framework, or not now. */
function letIn(arrival: Arrival): boolean {
  const { request, response } = arrival;
  const place = connecting.enter(() => {
    if (!request.socket.destroyed) pass(arrival);
  });
  if (place === 'now') begin(response);
  if (place === 'full') sendAway(response);
  return place !== 'now';
}

/** The same for a page that may bring a ticket. */
function comeBack(arrival: Return): boolean {
  const place = returning.enter(() => {
    if (!arrival.socket.destroyed && !receive(arrival)) letInLater(arrival);
  });
  return place !== 'now' || receive(arrival) || letIn(arrival);
}

/** Its emission was put off before. */
function letInLater(arrival: Arrival): void {
  if (!letIn(arrival)) pass(arrival);
}

/** Milliseconds until a page that finds no room should come back. */
const BACK_MS = { least: 2_000, most: 10_000 };

/**
 * Tells a page when to come back. An `EventSource` takes any status other than 200 as final, so it gets a stream that ends at once (WHATWG
 * HTML, section 9.2.3).
 */
function sendAway(response: ServerResponse): void {
  const { least, most } = BACK_MS;
  const ms = least + Math.floor(Math.random() * (most - least));
  response.shouldKeepAlive = false;
  const headers = { ...STREAM_HEADERS, 'retry-after': String(Math.ceil(ms / 1_000)) };
  response.writeHead(200, headers).end(`retry: ${ms}\n\n`);
}

/** Calls `receive` in place of the emission of this request. If it returns false, the request is emitted as ever. */
function insteadOfEmit({ request, server }: Arrival, receive: () => boolean): void {
  const isOwn = Object.hasOwn(server, 'emit');
  const { emit } = server;
  server.emit = function (this: Server, ...given: unknown[]): boolean {
    if (isOwn) server.emit = emit;
    else Reflect.deleteProperty(server, 'emit');
    const [name, first] = given;
    if (name === 'request' && first === request && receive()) return true;
    return Reflect.apply(server.emit, this, given) as boolean;
  } as Server['emit'];
}

/** Returns whether the page has its answer, or will have it. */
function receive(arrival: Return): boolean {
  // Behind an earlier request of its connection, a response has no socket yet.
  if (arrival.response.socket !== arrival.socket) return false;
  giveSecrets();
  const { emit } = arrival.server;
  if (emit === EventEmitter.prototype.emit) return enter(arrival);
  // Tools must not see a request twice, so find out first whether it is ours.
  if (!pulled().knows(arrival.request.url ?? '', arrival.request.rawHeaders)) return false;
  const listener = (): void => {
    if (!enter(arrival)) letInLater(arrival);
  };
  // The server in every respect, but for its listeners.
  const stage = Object.create(arrival.server, {
    _events: { value: { __proto__: null, request: listener }, writable: true },
    _eventsCount: { value: 1, writable: true },
  });
  inContextOf(arrival.response, () => Reflect.apply(emit, stage, ['request', arrival.request, arrival.response]));
  return true;
}

/** The result of native code if it has to catch up first. Any other that is no token sends the request to the application. */
const WAIT = -2;

/** Returns whether the request is answered, or will be. */
function enter(arrival: Return, hasWaited = false): boolean {
  const { request, response, socket, fd } = arrival;
  if (arrival.refusal !== undefined) return refuse(arrival, arrival.refusal);
  const watched = isWatched(response);
  let result: number;
  try {
    // From now on native code reads what the peer sends.
    socket._handle?.readStop?.();
    result = pulled().resume({
      target: request.url ?? '',
      headers: request.rawHeaders,
      isOld: request.httpVersionMinor === 0,
      fd,
      peer: addressOf(socket),
      watched,
      hasWaited,
    });
  } catch (error) {
    socket._handle?.readStart?.();
    return refuse(arrival, error);
  }
  if (result >= 0) {
    leave(arrival, result, watched);
    return true;
  }
  socket._handle?.readStart?.();
  if (result === WAIT) catchUp(arrival);
  return result === WAIT;
}

/** Somebody waits for the end of this response. Then it lives on in Node, without the stream's bytes. */
function isWatched(response: ServerResponse): boolean {
  return watchersOf(response) > watchersAtFirst() || isOverheard(response);
}

function leave({ request, response, socket }: Return, token: number, watched: boolean): void {
  expectMore();
  watchSigterm();
  if (watched) {
    const streams = pulled();
    streams.watchers.set(token, () => {
      streams.watchers.delete(token);
      response.destroy();
    });
    whenDisconnected(response, () => {
      if (streams.watchers.delete(token)) streams.closeResumed(token);
    });
  }
  letGo(socket, watched);
  if (!watched) conclude(request, response);
}

const finishes = channel('http.server.response.finish');

/**
 * Makes Node count the request as answered. For each one that is open when its socket closes, Node makes an error and reads its stack, which
 * takes as long as all that is done here. Only Node hears of this end, because nobody else has seen the request.
 */
function conclude(request: IncomingMessage & { _consuming?: boolean }, response: ServerResponse): void {
  if (finishes.hasSubscribers || watchersOf(response) > 1) return;
  // An undocumented property. Without it, Node would read the body, and there is none.
  request._consuming = true;
  response.emit('finish');
}

/** The answer that the route would give. */
function refuse({ request, response }: Arrival, error: unknown): boolean {
  const answer = answerTo(error, request.url);
  if (!answer) return false;
  if (answer.status === 200) response.shouldKeepAlive = false;
  response.writeHead(answer.status, answer.headers).end(answer.body);
  return true;
}

/** The page is ahead of this process. */
function catchUp(arrival: Return): void {
  const { request, socket } = arrival;
  native().catchUpWith(request.url ?? '', request.rawHeaders, () => {
    if (!socket.destroyed && !enter(arrival, true)) letInLater(arrival);
  });
}

/** Gives the request to the framework after all. */
function pass({ request, response, server }: Arrival): void {
  begin(response);
  inContextOf(response, () => server.emit('request', request, response));
}
