/** Servers of the test's own, that do what a test says and note what they are asked. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';

export interface ScriptedServer {
  url: string;
  port: number;
  /** Every request so far. */
  requests: IncomingMessage[];
}

const open = new Set<Server>();
/** Not every kind of server can close its connections itself. */
const sockets = new WeakMap<Server, Set<Socket>>();

/** Call it in `afterEach`. */
export async function closeServers(): Promise<void> {
  await Promise.all([...open].map((server) => closeServer(server)));
}

async function closeServer(server: Server): Promise<void> {
  open.delete(server);
  for (const socket of sockets.get(server) ?? []) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
}

/** Answers the first request by the first step, the second by the second, and all others by the last. */
export async function serve(...steps: RequestListener[]): Promise<ScriptedServer> {
  const requests: IncomingMessage[] = [];
  const server = createServer((req, res) => {
    const step = steps[Math.min(requests.length, steps.length - 1)];
    requests.push(req);
    step?.(req, res);
  });
  return { ...(await listening(server)), requests };
}

/** Any server of Node's, on a port of the system's choice. */
export async function listening(server: Server): Promise<{ url: string; port: number }> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.add(server);
  const connected = new Set<Socket>();
  sockets.set(server, connected);
  server.on('connection', (socket) => connected.add(socket));
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}/sse` };
}

/** A server that answers every connection with the same bytes, again and again or once. */
export async function pouring(head: string, text = ''): Promise<{ url: string; written: () => number }> {
  const piece = Buffer.from(text);
  let written = 0;
  const server = createTcpServer((socket) => {
    const pour = (): void => {
      while (piece.length > 0 && !socket.destroyed) {
        written += piece.length;
        if (!socket.write(piece)) return;
      }
    };
    socket.on('error', () => {}).on('drain', pour);
    socket.once('data', () => {
      socket.write(head);
      pour();
    });
  });
  const { url } = await listening(server);
  return { url, written: () => written };
}

export const STREAM_HEAD = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
  // Named, a server is taken for a proxy: what it does is not taken for what Node.js does with ssekit's streams.
  server: 'test',
};

/** The first event of a stream of ssekit's, shortened. */
export const READY = 'event: ssekit:ready\nretry: 20\ndata: {}\nid: e.0\n\n';

/** A stream that begins with these bytes, and stays open. */
export function stream(text: string, head: Record<string, string> = {}) {
  return (_: IncomingMessage, res: ServerResponse): void => {
    res.writeHead(200, { ...STREAM_HEAD, ...head });
    res.write(text);
  };
}

/** A stream that is over after these bytes. */
export function shortStream(text: string) {
  return (_: IncomingMessage, res: ServerResponse): void => {
    res.writeHead(200, STREAM_HEAD);
    res.end(text);
  };
}

/** An answer that is no stream. */
export function answer(status: number, headers: Record<string, string> = {}, body = '') {
  return (_: IncomingMessage, res: ServerResponse): void => {
    res.writeHead(status, headers).end(body);
  };
}
