/** A TCP proxy that cuts connections in the middle of what the server sends, at exactly chosen bytes. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** The place where a connection is cut: `bytes` after the first byte of the text `after`. */
export interface Cut {
  after: string;
  bytes: number;
}

export class CuttingProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Cuts that are still to be made, one in each connection. */
  readonly pending: Cut[];

  private constructor(server: Server, cuts: Cut[]) {
    this.#server = server;
    this.pending = [...cuts];
  }

  static async start(target: number, cuts: Cut[]): Promise<CuttingProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new CuttingProxy(server, cuts);
    server.on('connection', (client) => proxy.#join(client, connect(target, '127.0.0.1')));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #join(client: Socket, server: Socket): void {
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      // Either side may break off; that is what this is for.
      socket.on('error', () => {});
    }
    client.pipe(server);
    const cut = this.pending[0];
    if (cut) this.#forwardUpTo(cut, server, client);
    else server.pipe(client);
  }

  #forwardUpTo(cut: Cut, server: Socket, client: Socket): void {
    let held = Buffer.alloc(0);
    const start = Buffer.from(cut.after);
    server.on('data', (bytes) => {
      held = Buffer.concat([held, bytes]);
      const found = held.indexOf(start);
      const end = found + cut.bytes;
      if (found >= 0 && held.length >= end) {
        this.pending.shift();
        client.end(held.subarray(0, end));
        server.destroy();
        return;
      }
      const sure = found >= 0 ? found : held.length - overlap(held, start);
      client.write(held.subarray(0, sure));
      held = held.subarray(sure);
    });
    server.on('end', () => client.end(held));
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** The number of bytes at the end of `bytes` that may be the beginning of `start`. */
function overlap(bytes: Buffer, start: Buffer): number {
  let length = Math.min(bytes.length, start.length - 1);
  while (!bytes.subarray(bytes.length - length).equals(start.subarray(0, length))) length -= 1;
  return length;
}
