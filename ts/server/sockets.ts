/** Node's undocumented socket internals. They have been like this for ten years. If they are not, we do without them. */
import type { Server, Socket } from 'node:net';

import type { AnyResponse } from './exchange.js';

/** A socket with Node's undocumented properties. */
export type OpenSocket = Socket & {
  encrypted?: boolean;
  _handle?: { fd?: number; writeQueueSize?: number; readStop?(): void; readStart?(): void } | null;
};

/** The socket that carries a response, if there is still one. */
export function socketOf(response: AnyResponse): OpenSocket | undefined {
  return ('stream' in response ? response.stream.session?.socket : response.socket) ?? undefined;
}

/** Its descriptor, if it has one. */
export function descriptorOf(socket: OpenSocket | null | undefined): number | undefined {
  const fd = read(socket, ({ _handle }) => _handle?.fd);
  return typeof fd === 'number' && fd >= 0 ? fd : undefined;
}

/** The address of its peer, if it has one. */
export function addressOf(socket: OpenSocket | undefined): string | undefined {
  return read(socket, ({ remoteAddress }) => remoteAddress);
}

/** The number of connections that the kernel keeps for a server until the process accepts them. `net.core.somaxconn` may allow fewer. */
const BACKLOG = 4_096;

const widened = new WeakSet<Server>();

/**
 * Gives a server a longer queue. Node asks for 511, and Next.js for no other number. Thousands of pages that come back at once find no room
 * there, and try again seconds later. To listen once more changes the queue and nothing else (listen(2)).
 */
export function widenQueue(server: Server): void {
  if (widened.has(server)) return;
  widened.add(server);
  try {
    (server as Server & { _handle?: { listen?(backlog: number): number } | null })._handle?.listen?.(BACKLOG);
  } catch {
    // A server of another kind keeps the queue that it has.
  }
}

/** Node's error codes for a socket whose peer has vanished. Native code uses the same list. */
const SILENCE = ['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'];

/** Whether a socket has ended because its peer stopped answering. */
export function hasTimedOut(socket: OpenSocket | undefined): boolean {
  const code = read(socket, ({ errored }) => (errored as NodeJS.ErrnoException | null)?.code);
  return code !== undefined && SILENCE.includes(code);
}

/** The socket of an ended HTTP/2 session throws on every access (`ERR_HTTP2_SOCKET_UNBOUND`). */
function read<T>(socket: OpenSocket | null | undefined, what: (socket: OpenSocket) => T): T | undefined {
  try {
    return socket ? what(socket) : undefined;
  } catch {
    return undefined;
  }
}
