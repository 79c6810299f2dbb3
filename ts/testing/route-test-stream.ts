/** A stream for a page under Playwright, whose `route.fulfill` cannot stream. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

import type { SSEEvent } from '../../index';
import type { FakeSSE } from './fake-sse.js';
import { StreamRoute, type TestStreamOptions } from './stream-route.js';
import type { ResetReason } from './test-client.js';
import type { WaitOptions } from './wait.js';
import './symbols.js';

/** The part of Playwright's `Page` or `BrowserContext` that is needed. */
export interface RoutedPage {
  route(
    matches: (url: URL) => boolean,
    handle: (route: { continue(options: { url: string }): Promise<void> }, request: { url(): string }) => Promise<void>,
  ): Promise<unknown>;
  unroute(matches: (url: URL) => boolean): Promise<unknown>;
}

/**
 * Leads the page's requests for the stream to a hub in this process, until `close`. Call it before the page is opened. The page must be
 * served over plain HTTP, because Playwright cannot change the protocol of a request.
 */
export async function routeTestStream(page: RoutedPage, options: TestStreamOptions = {}): Promise<RoutedStream> {
  const route = new StreamRoute(options);
  const server = createServer((req, res) => void answer(route, req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const isStream = (url: URL): boolean => url.pathname === route.path;
  await page.route(isStream, async (led, request) => {
    const { pathname, search } = new URL(request.url());
    await led.continue({ url: `http://127.0.0.1:${port}${pathname}${search}` });
  });
  return new RoutedStream(route, async () => {
    await page.unroute(isStream);
    route.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
}

/** The server's end of the stream of a page under Playwright. */
export class RoutedStream {
  /** The hub behind it: what it sends, the page gets. */
  readonly sse: FakeSSE;
  readonly #route: StreamRoute;
  readonly #end: () => Promise<void>;

  /** @internal */
  constructor(route: StreamRoute, end: () => Promise<void>) {
    this.sse = route.sse;
    this.#route = route;
    this.#end = end;
  }

  /** Resolves when a page has the stream open; at once if one has. */
  connected(options?: WaitOptions): Promise<void> {
    return this.#route.connected(options);
  }

  /** Sends to the pages that have this stream open. */
  send(event: SSEEvent): void {
    this.#route.send(event);
  }

  /** Cuts the stream, as a proxy does. The page comes back at once, and misses nothing. */
  cut(): void {
    this.#route.cut();
  }

  /** Cuts the stream, and tells the page that comes back about a gap: it fetches its state again. */
  reset(reason: ResetReason = 'unknown'): void {
    this.#route.reset(reason);
  }

  /** Ends the streams and the server. */
  close(): Promise<void> {
    return this.#end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

async function answer(route: StreamRoute, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const pairs = Object.entries(req.headers).map(([name, value]) => [name, String(value)] as [string, string]);
  const body = req.method === 'POST' ? await text(req) : undefined;
  const url = new URL(req.url ?? '/', `http://${req.headers.host}`);
  const headers = new Headers(pairs);
  // The page's own origin is not that of this server.
  for (const name of ['origin', 'sec-fetch-site']) headers.delete(name);
  const response = await route.answer(req.method ?? 'GET', url, headers, body);
  res.writeHead(response.status, Object.fromEntries(response.headers));
  if (!response.body) {
    res.end();
    return;
  }
  const source = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
  res.on('close', () => source.destroy());
  source.on('error', () => res.destroy());
  source.pipe(res);
}
