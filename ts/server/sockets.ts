/** What is Node's own business about sockets, and has been as it is here for ten years. Where it is not, we do without. */
import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';

/** A socket with what Node does not document. */
export type OpenSocket = Socket & {
  encrypted?: boolean;
  _handle?: { fd?: number; writeQueueSize?: number; readStop?(): void; readStart?(): void } | null;
};

/** The socket that carries a response, if there is still one. */
export function socketOf(response: ServerResponse | Http2ServerResponse): OpenSocket | undefined {
  return ('stream' in response ? response.stream.session?.socket : response.socket) ?? undefined;
}

/** Its descriptor, where it has one. */
export function descriptorOf(socket: OpenSocket | null | undefined): number | undefined {
  const fd = read(socket, ({ _handle }) => _handle?.fd);
  return typeof fd === 'number' && fd >= 0 ? fd : undefined;
}

/** The address of its peer, where it has one. */
export function addressOf(socket: OpenSocket | undefined): string | undefined {
  return read(socket, ({ remoteAddress }) => remoteAddress);
}

/** What Node says of a socket whose peer has vanished: as native code has it. */
const SILENCE = ['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'];

/** Whether a socket has ended because its peer gave no answer any more. */
export function hasTimedOut(socket: OpenSocket | undefined): boolean {
  const code = read(socket, ({ errored }) => (errored as NodeJS.ErrnoException | null)?.code);
  return code !== undefined && SILENCE.includes(code);
}

/** The socket of an HTTP/2 session that has ended throws whatever it is asked (`ERR_HTTP2_SOCKET_UNBOUND`). */
function read<T>(socket: OpenSocket | null | undefined, what: (socket: OpenSocket) => T): T | undefined {
  try {
    return socket ? what(socket) : undefined;
  } catch {
    return undefined;
  }
}
