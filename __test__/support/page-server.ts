/** A site with pages of a test, and behind it a server of streams. Between the two, it does what proxies and networks do. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** HTML, or the source of a script; or the function that answers. */
export type PageSource = string | ((res: ServerResponse) => unknown);

const running = new Set<PageServer>();

/** Call it in `afterEach` or `afterAll`. */
export function stopPageServers(): void {
  for (const server of running) server.stop();
}

export class PageServer {
  readonly #server: Server;
  /** `GET` and the like, of those requests that are not for pages. */
  readonly requests: string[] = [];
  /** The answer to those requests in place of the upstream's. */
  fault: number | undefined;
  /** The last event id that the upstream is told in place of the page's, once. It counts more than one in the query. */
  forgedId: string | undefined;

  private constructor(server: Server) {
    this.#server = server;
    running.add(this);
  }

  /** `pages`: by path. Those that the test changes later are served as they are then. */
  static async start(upstream: number, pages: Record<string, PageSource>): Promise<PageServer> {
    const server = createServer((req, res) => {
      const { url = '' } = req;
      const page = pages[url];
      const type = url.endsWith('js') ? 'text/javascript' : 'text/html';
      if (typeof page === 'function') page(res);
      else if (page !== undefined) res.setHeader('content-type', type).end(page);
      // A browser asks for it by itself, and the upstream takes every request for one of a stream.
      else if (url === '/favicon.ico') res.writeHead(404).end();
      else own.#forward(upstream, req, res);
    });
    const own = new PageServer(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return own;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  stop(): void {
    running.delete(this);
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #forward(upstream: number, req: IncomingMessage, res: ServerResponse): void {
    this.requests.push(req.method ?? '');
    if (this.fault !== undefined) {
      res.writeHead(this.fault).end('Out of order');
      return;
    }
    const { method, url: path } = req;
    const headers = { ...req.headers };
    // Only of a request for a stream: tabs that share a connection make others, too.
    if (this.forgedId !== undefined && (headers['last-event-id'] ?? path?.includes('lastEventId='))) {
      headers['last-event-id'] = this.forgedId;
      this.forgedId = undefined;
    }
    const forwarded = request({ host: '127.0.0.1', port: upstream, method, path, headers, agent: false }, (answer) => {
      res.writeHead(answer.statusCode ?? 500, answer.headers);
      res.flushHeaders();
      answer.pipe(res);
      answer.on('error', () => res.destroy());
    });
    // Either side may break off.
    forwarded.on('error', () => res.destroy());
    res.on('close', () => forwarded.destroy());
    req.pipe(forwarded);
  }
}
