/**
 * Answers pages whose request Node has not read yet. What Node does for a connection until it has a request takes longer than everything that
 * is done here, and pages that come back at once send their requests when Node has thousands of connections to accept.
 *
 * Node announces each connection on a diagnostics channel (https://nodejs.org/api/diagnostics_channel.html#net). It reads from it in the next
 * turn of its loop, after the callbacks of `setImmediate`, so what comes until then is still in the kernel. If that is nothing, reading is put
 * off for some milliseconds: otherwise Node would read all those requests in one turn. Whatever native code does not take, Node reads as ever.
 */
import { channel, subscribe } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import { maxHeaderSize, Server, ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';

import { native } from '../binding.js';
import { watchSigterm } from '../drain.js';
import { isPlain, isWrapped, letGo } from '../handoff.js';
import { pulled } from '../pulled.js';
import { descriptorOf, type OpenSocket } from '../sockets.js';
import { giveSecrets } from './secrets.js';

/** A connection that a server has accepted, with Node's undocumented properties. If they differ, Node reads. */
type Accepted = OpenSocket & {
  server?: unknown;
  parser?: { _consumed?: boolean } | null;
  _handle?: { reading?: boolean } | null;
};

/** The maximum number of connections that are looked at in one turn of the loop. */
const PER_TURN = 64;

/** The number of connections that are looked at in vain after a page that came back. That costs a server two to four microseconds each. */
const MORE = 256;

/** Milliseconds between two looks at those that have sent nothing yet. */
const PAUSE_MS = 4;

/** Milliseconds until Node reads from those. */
const MOST_SILENCE_MS = 128;

/** The maximum number of bytes of a head that native code reads. A server that allows fewer has to read for itself. */
const HEAD_BYTES = 16 * 1024;

/** The result of native code if nothing has come yet. */
const NOTHING = -3;

interface Expected {
  /** The number of connections that may still be looked at in vain. */
  left: number;
  /** Errors by which pages were refused, for the requests that Node reads next. */
  refused: Map<OpenSocket, unknown>;
}

/** One for all copies of this package. The number is the version of the data that they share. */
const KEY = Symbol.for('ssekit.unread.1');

const shared = globalThis as { [KEY]?: Expected };

function expected(): Expected {
  shared[KEY] ??= { left: 0, refused: new Map() };
  return shared[KEY];
}

let hasTickets: (path: string) => boolean;

/** Accepted in this turn of the loop. */
let accepted: Accepted[] = [];

/** A connection that has sent nothing yet. Node does not read from it. */
interface Silent {
  socket: Accepted;
  since: number;
  /** When it is looked at again: after as long as it was silent until then. */
  due: number;
}

let silent: Silent[] = [];

let isWaiting = false;

/** From now on, looks at connections of HTTP servers. `given` says whether tickets count for a path. */
export function watchConnections(given: (path: string) => boolean): void {
  if (process.platform === 'win32') return;
  hasTickets = given;
  subscribe('net.server.socket', (message) => {
    const { socket } = message as { socket: Accepted };
    if (expected().left === 0 || accepted.length === PER_TURN || !(socket.server instanceof Server)) return;
    accepted.push(socket);
    if (accepted.length === 1) setImmediate(lookAtAccepted);
  });
}

/** A page has come back by its ticket. It is rarely the only one. */
export function expectMore(): void {
  expected().left = MORE;
}

/** A connection was not one of those. */
function expectLess(): void {
  expected().left = Math.max(0, expected().left - 1);
}

/** The error by which the page of this request, which Node has just read, was refused before. */
export function takeRefusal(socket: OpenSocket): unknown {
  const { refused } = expected();
  const error = refused.get(socket);
  refused.delete(socket);
  return error;
}

function lookAtAccepted(): void {
  const sockets = accepted;
  accepted = [];
  for (const socket of sockets) {
    const result = take(socket);
    if (result === NOTHING) {
      socket._handle?.readStop?.();
      const since = performance.now();
      silent.push({ socket, since, due: since });
    } else if (result < 0) expectLess();
  }
  if (silent.length > 0 && !isWaiting) void lookAtSilent();
}

async function lookAtSilent(): Promise<void> {
  isWaiting = true;
  while (silent.length > 0) {
    await delay(PAUSE_MS);
    const all = silent;
    silent = [];
    const now = performance.now();
    let looks = 0;
    for (const one of all) {
      if (one.due > now) {
        silent.push(one);
        continue;
      }
      looks += 1;
      if (looks % PER_TURN === 0) await nextTurn();
      try {
        lookAgain(one, now);
      } catch (error) {
        // One has failed. All others still get their turn.
        void Promise.reject(error);
      }
    }
  }
  isWaiting = false;
}

function lookAgain({ socket, since }: Silent, now: number): void {
  const result = take(socket);
  if (result === NOTHING && now - since < MOST_SILENCE_MS) {
    silent.push({ socket, since, due: Math.min(now + (now - since), since + MOST_SILENCE_MS) });
  } else if (result < 0) {
    // If somebody has paused the socket meanwhile, it stays paused.
    if (socket._handle?.reading) socket._handle.readStart?.();
    expectLess();
  }
}

/** Lets native code take a connection. A negative result says that it has not. */
function take(socket: Accepted): number {
  let result: number;
  try {
    const fd = descriptorOf(socket);
    if (fd === undefined || !isUntouched(socket) || isWatched() || !native().mayHandOff()) return -1;
    giveSecrets();
    result = pulled().resumeUnread(fd, hasTickets);
  } catch (error) {
    // A client is refused once. Its request gets the answer when Node has read it, in the next turn.
    const { refused } = expected();
    refused.set(socket, error);
    setImmediate(() => setImmediate(() => refused.delete(socket)));
    return -1;
  }
  if (result < 0) return result;
  letGo(socket, false);
  expectMore();
  watchSigterm();
  return result;
}

/**
 * Whether Node's own parser reads from this connection, has read nothing yet, and nobody else has to do with it: an app may look at a
 * connection before it gives it to the server, or pause it.
 */
function isUntouched(socket: Accepted): boolean {
  const server = socket.server as Server & { maxHeaderSize?: number };
  if (server.emit !== EventEmitter.prototype.emit || (server.maxHeaderSize ?? maxHeaderSize) < HEAD_BYTES) return false;
  if (socket.destroyed || !isPlain(socket) || isWrapped(socket) || isWrapped(socket, INPUT)) return false;
  if (!socket._handle?.reading || !socket.parser?._consumed) return false;
  return socket.bytesRead === 0 && socket.bytesWritten === 0 && socket.writableLength === 0;
}

/** The methods that what a socket brings goes through. */
const INPUT = ['emit', 'push', 'read', 'unshift'];

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
