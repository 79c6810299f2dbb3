/** The route of an event stream, as the page of a test finds it. */
import type { ConnectOptions, SSEEvent } from '../../index';
import { checkKnown } from '../server/arguments.js';
import { SSEService } from '../server/service.js';
import { standInRecord } from '../server/stand-in.js';
import { type FakeSSE, fakeSSE } from './fake-sse.js';
import type { ResetReason } from './test-client.js';
import { Changes, type WaitOptions } from './wait.js';

/** Whose stream it is, and where. */
export interface TestStreamOptions extends Pick<ConnectOptions, 'userId' | 'channels' | 'data' | 'welcome'> {
  /** The path of the stream. Default: `/api/sse`. */
  url?: string;
  /** Whether the page may have a channel that it asks for. Default: every one. */
  authorize?: (channel: string) => boolean;
  /** The hub that the stream belongs to. Default: the one that is in place, otherwise a new fake. */
  sse?: FakeSSE;
}

const KNOWN = ['url', 'userId', 'channels', 'data', 'welcome', 'authorize', 'sse'];

/** The last event of a stream that makes its page come back at once. It has no id, so the page keeps its own. */
const COME_BACK = 'event: ssekit:drain\nretry: 0\ndata: {"reconnectInMs":0}\n\n';

export class StreamRoute {
  readonly sse: FakeSSE;
  readonly path: string;
  readonly #open = new Map<string, (last: string) => void>();
  readonly #handlers;
  readonly #changes = new Changes();
  #status: number | undefined;
  #owed: ResetReason | undefined;

  constructor(options: TestStreamOptions) {
    checkKnown('options', options, KNOWN);
    const { url = '/api/sse', authorize = () => true, sse, userId, ...client } = options;
    this.sse = sse ?? (standInRecord().kit as FakeSSE | undefined) ?? fakeSSE();
    this.path = new URL(url, 'http://localhost').pathname;
    // On demand, because it looks for what Node.js has and jsdom has not.
    const { createSSERoute }: typeof import('../next/index.js') = require('../next/index.js');
    const identity = { ...client, ...(userId === undefined ? { anonymous: true } : { userId }) };
    this.#handlers = createSSERoute({ identify: () => identity, authorize: (channel) => authorize(channel) });
  }

  /** Resolves when a page has the stream open; at once if one has. */
  async connected(options?: WaitOptions): Promise<void> {
    const isOpen = (): true | undefined => this.#open.size > 0 || undefined;
    await this.#changes.until(isOpen, () => `No page has opened ${this.path}.`, options);
  }

  /** Answers every request with this status, until `accept`. */
  refuse(status: number | undefined): void {
    this.#status = status;
  }

  /** Sends to the pages that have this stream. */
  send(event: SSEEvent): void {
    for (const clientId of this.#open.keys()) SSEService.getInstance().sendToClient(clientId, event);
  }

  /** Cuts all streams. The pages come back at once. */
  cut(): void {
    for (const end of this.#open.values()) end(COME_BACK);
  }

  /** Cuts all streams, and tells the pages that come back about a gap. */
  reset(reason: ResetReason): void {
    this.#owed = reason;
    this.cut();
  }

  /** Ends all streams without a word. */
  close(): void {
    for (const end of this.#open.values()) end('');
  }

  async answer(method: string, url: URL, headers: Headers, body: string | undefined): Promise<Response> {
    if (this.#status !== undefined) return new Response(null, { status: this.#status });
    const asked = new Headers(headers);
    // The tabs of a test share nothing.
    asked.delete('ssekit-carrier');
    if (method === 'POST') {
      asked.set('host', url.host);
      return this.#handlers.POST(new Request(url, { method, headers: asked, body: body ?? null }));
    }
    if (this.#owed) asked.set('last-event-id', `ssekit:${this.#owed}`);
    this.#owed = undefined;
    const before = new Set(SSEService.getInstance().getActiveClients());
    const response = await this.#handlers.GET(new Request(url, { headers: asked }));
    const clientId =
      SSEService.getInstance()
        .getActiveClients()
        .find((id) => !before.has(id)) ?? url.searchParams.get('clientId');
    return clientId === null || !response.body ? response : this.#tracked(clientId, response);
  }

  /** The same response, but the test can end its stream. */
  #tracked(clientId: string, response: Response): Response {
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#open.set(clientId, (last) => {
            this.#open.delete(clientId);
            if (last) controller.enqueue(Buffer.from(last));
            controller.close();
            void reader.cancel();
          });
          this.#changes.tell();
        },
        pull: async (controller) => {
          const { done, value } = await reader.read();
          if (!this.#open.has(clientId)) return;
          if (!done) controller.enqueue(value);
          else {
            this.#open.delete(clientId);
            controller.close();
          }
        },
        cancel: () => {
          this.#open.delete(clientId);
          return reader.cancel();
        },
      },
      { highWaterMark: 0 },
    );
    return new Response(body, { status: response.status, headers: response.headers });
  }
}
