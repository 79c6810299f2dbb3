/** Our own connection, so we can time its steps and choose its protocol as a browser does. */
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

export interface Connection {
  socket: Socket;
  protocol: 'http/1.1' | 'h2';
}

/** Connects to a URL's origin. Over TLS the server may choose HTTP/2. */
export async function connectTo(url: URL, signal: AbortSignal): Promise<Connection> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const at = { host, port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80) };
  const socket = url.protocol === 'https:' ? connectSecurely(at) : connect(at);
  // The socket's reader learns about later errors.
  socket.on('error', () => {});
  const abort = (): unknown => socket.destroy(signal.reason as Error);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', abort));
  await once(socket, url.protocol === 'https:' ? 'secureConnect' : 'connect');
  return { socket, protocol: 'alpnProtocol' in socket && socket.alpnProtocol === 'h2' ? 'h2' : 'http/1.1' };
}

function connectSecurely(at: { host: string; port: number }): TLSSocket {
  // A server name must be a name, not an address (RFC 6066, section 3).
  const servername = isIP(at.host) ? '' : at.host;
  return connectTls({ ...at, servername, ALPNProtocols: ['h2', 'http/1.1'] });
}
