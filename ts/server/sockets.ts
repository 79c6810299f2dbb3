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
  const fd = socket?._handle?.fd;
  return typeof fd === 'number' && fd >= 0 ? fd : undefined;
}

/** What Node says of a socket whose peer has vanished: as native code has it. */
const SILENCE = ['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'];

/** Whether a socket has ended because its peer gave no answer any more. */
export function hasTimedOut(socket: OpenSocket | undefined): boolean {
  const code = (socket?.errored as NodeJS.ErrnoException | null | undefined)?.code;
  return code !== undefined && SILENCE.includes(code);
}
