/** Reports when the client of a response has disconnected. */
import type { Socket } from 'node:net';

import type { AnyResponse } from './exchange.js';

/** Responses that wait behind an earlier one on their connection, by connection. */
const queued = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls back when the client has disconnected; at once if it left while the application looked up its user. In that case `close` has
 * already been emitted and is not emitted again.
 */
export function whenDisconnected(response: AnyResponse, callback: () => void): void {
  if (isDisconnected(response)) {
    callback();
    return;
  }
  response.once('close', callback);
  // Pipelined requests are answered one after the other. When the connection breaks, Node tells only the response whose turn
  // it is (HTTP/2 has no turns).
  const socket = 'stream' in response || response.socket ? undefined : response.req?.socket;
  if (!socket) return;
  const waiting = queued.get(socket) ?? watch(socket);
  waiting.add(callback);
  response.once('close', () => waiting.delete(callback));
}

function isDisconnected(response: AnyResponse): boolean {
  if ('stream' in response) return response.stream.destroyed;
  return response.destroyed || response.req?.socket?.destroyed === true;
}

/** One listener for all of them, because Node warns about many listeners, and the peer decides how many there are. */
function watch(socket: Socket): Set<() => void> {
  const waiting = new Set<() => void>();
  queued.set(socket, waiting);
  socket.once('close', () => {
    for (const callback of waiting) callback();
  });
  return waiting;
}
