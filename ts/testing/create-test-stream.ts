/** A stream for components under test: it answers the page's `fetch`. */
import type { SSEEvent } from '../../index';
import type { FakeSSE } from './fake-sse.js';
import { StreamRoute, type TestStreamOptions } from './stream-route.js';
import type { ResetReason } from './test-client.js';
import type { WaitOptions } from './wait.js';
import './symbols.js';

export type { TestStreamOptions } from './stream-route.js';

/** A request of the page. */
export interface TestStreamRequest {
  method: string;
  /** Its path and query. */
  url: string;
}

/**
 * Answers the requests of `ssekit/client` and `ssekit/react` in this environment by a hub, until `restore`. So a component gets what the
 * code under test sends, by the real client: ids, resets, channels and reconnects are those of a server.
 */
export function createTestStream(options: TestStreamOptions = {}): TestStream {
  return new TestStream(options);
}

type Fetch = typeof globalThis.fetch;

/** The server's end of a page's stream. */
export class TestStream {
  /** The hub behind it: what it sends, the page gets. */
  readonly sse: FakeSSE;
  /** The requests of the page so far. */
  readonly requests: TestStreamRequest[] = [];
  readonly #route: StreamRoute;
  readonly #before: Fetch | undefined;

  /** @internal */
  constructor(options: TestStreamOptions) {
    this.#route = new StreamRoute(options);
    this.sse = this.#route.sse;
    this.#before = globalThis.fetch;
    globalThis.fetch = ((input, init) => this.#fetch(input, init)) as Fetch;
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

  /** Answers every request with this status from now on: 401 for a session that has ended, 503 for a server that is down. */
  refuse(status: number): void {
    this.#route.refuse(status);
    this.#route.cut();
  }

  /** Lets the page in again. */
  accept(): void {
    this.#route.refuse(undefined);
  }

  /** Gives `fetch` back, and ends the streams. */
  restore(): void {
    if (this.#before) globalThis.fetch = this.#before;
    this.#route.close();
  }

  [Symbol.dispose](): void {
    this.restore();
  }

  async #fetch(...[input, init]: Parameters<Fetch>): Promise<Response> {
    const { url: target } = input as Request;
    const url = new URL(target ?? String(input), globalThis.location?.href ?? 'http://localhost');
    if (url.pathname !== this.#route.path) {
      if (this.#before) return this.#before(input, init);
      throw new TypeError(`fetch: got ${url.href}, and this test has no other fetch`);
    }
    const method = (init?.method ?? 'GET').toUpperCase();
    this.requests.push({ method, url: `${url.pathname}${url.search}` });
    const headers = new Headers(init?.headers as ConstructorParameters<typeof Headers>[0]);
    const signal = init?.signal ?? undefined;
    signal?.throwIfAborted();
    const response = await this.#route.answer(method, url, headers, init?.body as string | undefined);
    return signal ? abortable(response, signal) : response;
  }
}

/** jsdom's signals are not Node's, so a `Request` cannot carry them. */
function abortable(response: Response, signal: AbortSignal): Response {
  if (!response.body) return response;
  const reader = response.body.getReader();
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const abort = (): void => {
          controller.error(signal.reason);
          void reader.cancel();
        };
        if (signal.aborted) abort();
        else signal.addEventListener('abort', abort, { once: true });
      },
      async pull(controller) {
        const { done, value } = await reader.read();
        if (signal.aborted) return;
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: () => reader.cancel(),
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { status: response.status, headers: response.headers });
}
