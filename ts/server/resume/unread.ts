/**
 * Answers pages whose request Node has not read yet. What Node does for a connection until it has a request takes longer than everything that
 * is done here, and pages that come back at once have mostly sent their request by the time that Node accepts the connection.
 *
 * Node announces each connection on a diagnostics channel (https://nodejs.org/api/diagnostics_channel.html#net). It reads from it in the next
 * turn of its loop, after the callbacks of `setImmediate`, so what comes until then is still in the kernel. Whatever native code does not take
 * from there, Node reads as ever.
 */
import { channel, subscribe } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import { Server, ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers';

import { native } from '../binding.js';
import { watchSigterm } from '../drain.js';
import { isPlain, isWrapped, letGo } from '../handoff.js';
import { pulled } from '../pulled.js';
import { descriptorOf, type OpenSocket } from '../sockets.js';
import { giveSecrets } from './secrets.js';

/** A connection that a server has accepted. */
type Accepted = OpenSocket & { server?: unknown };

/** The maximum number of connections that are looked at in one turn of the loop. Node reads from the others. */
const PER_TURN = 64;

/** The number of connections that are looked at after a page that came back. Looking costs a server two to four microseconds. */
const MORE = 256;

/** The number of those that are still looked at. */
let left = 0;

/** Accepted in this turn of the loop. */
let accepted: Accepted[] = [];

/** Errors by which pages were refused, for the requests that Node reads next. */
const refused = new Map<OpenSocket, unknown>();

/** From now on, looks at connections of HTTP servers. `hasTickets` says whether tickets count for a path. */
export function watchConnections(hasTickets: (path: string) => boolean): void {
  subscribe('net.server.socket', (message) => {
    const { socket } = message as { socket: Accepted };
    if (left === 0 || accepted.length === PER_TURN || !(socket.server instanceof Server)) return;
    left -= 1;
    accepted.push(socket);
    if (accepted.length === 1) setImmediate(lookAtAll, hasTickets);
  });
}

/** A page has come back by its ticket. It is rarely the only one. */
export function expectMore(): void {
  left = MORE;
}

/** The error by which the page of this request, which Node has just read, was refused before. */
export function takeRefusal(socket: OpenSocket): unknown {
  const error = refused.get(socket);
  refused.delete(socket);
  return error;
}

function lookAtAll(hasTickets: (path: string) => boolean): void {
  const sockets = accepted;
  accepted = [];
  if (process.platform === 'win32' || isWatched() || !native().mayHandOff()) return;
  for (const socket of sockets) lookAt(socket, hasTickets);
}

/** Whether a tool sees each request or its response. It has to see those of pages with a ticket as well. */
function isWatched(): boolean {
  const isOwn = [Server, ServerResponse].every(({ prototype }) => prototype.emit === EventEmitter.prototype.emit);
  return !isOwn || CREATED.hasSubscribers || !isOurs(STARTS);
}

const CREATED = channel('http.server.response.created');

/** There, ssekit has one subscriber for all its copies. */
const STARTS = channel('http.server.request.start') as ReturnType<typeof channel> & {
  _subscribers?: unknown[];
  _stores?: { size: number };
};

/** Whether nobody else has subscribed. The properties are undocumented, and without them somebody may have. */
function isOurs({ _subscribers, _stores }: typeof STARTS): boolean {
  return _subscribers?.length === 1 && !_stores?.size;
}

function lookAt(socket: Accepted, hasTickets: (path: string) => boolean): void {
  const fd = descriptorOf(socket);
  if (fd === undefined || !isUntouched(socket)) return;
  try {
    giveSecrets();
    if (pulled().resumeUnread(fd, hasTickets) < 0) return;
  } catch (error) {
    // A client is refused once. Its request gets the answer when Node has read it, in the next turn.
    refused.set(socket, error);
    setImmediate(() => setImmediate(() => refused.delete(socket)));
    return;
  }
  expectMore();
  watchSigterm();
  letGo(socket, false);
}

/** Whether nobody has read from this connection, or written to it, and nobody stands between Node and its bytes. */
function isUntouched(socket: Accepted): boolean {
  const { emit } = socket.server as Server;
  if (socket.destroyed || emit !== EventEmitter.prototype.emit || !isPlain(socket) || isWrapped(socket)) return false;
  return socket.bytesRead === 0 && socket.bytesWritten === 0 && socket.writableLength === 0;
}
