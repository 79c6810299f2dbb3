/** One client for all components of a page that want the same stream. It needs no React. */
import {
  type ClientEvent,
  type ClientStatus,
  createClient,
  type Reset,
  type SSEClient,
  SSEClientError,
  type SSEClientOptions,
} from '../client/index.js';
import { Channels } from './channels.js';
import { EventLog, type Place } from './event-log.js';
import { earlier, isUpTo } from './positions.js';

// biome-ignore lint/complexity/noBannedTypes: the hooks know the app's events, not the stream.
type AnyEvents = {};

export interface StreamOptions extends Omit<SSEClientOptions<AnyEvents>, 'url' | 'signal' | 'schemas'> {
  url: string;
  schemas?: object | undefined;
  onError?: ((error: SSEClientError) => unknown) | undefined;
  onReset?: ((reset: Reset) => unknown) | undefined;
}

type Handler = (event: ClientEvent) => void;
type ResetHandler = (reset: Reset) => unknown;

/** By then, the components of a page have hydrated. */
const HYDRATED_MS = 5_000;

const UNHANDLED = "Events were missed: fetch the state by `useLive`, `useRefreshOn`, or the provider's `onReset`";

/** The status before there is a stream, as on the server. */
export const NO_CONNECTION: ClientStatus = { state: 'connecting' };

export class EventStream {
  /** Those of the last render. */
  options: StreamOptions;
  status = NO_CONNECTION;
  readonly #log = new EventLog();
  readonly #latest = new Map<string, ClientEvent>();
  readonly #handlers = new Map<Handler, Place | undefined>();
  readonly #resets = new Set<ResetHandler>();
  /** Once those who come at the same time listen for resets. */
  readonly #channels = new Channels(() => setTimeout(() => void this.#reset({ reason: 'unknown' })));
  readonly #watchers = new Set<() => void>();
  #client: SSEClient<AnyEvents> | undefined;
  #holders = 0;
  /** Where the last client has ended. */
  #cursor: string | undefined;

  constructor(options: StreamOptions) {
    this.options = options;
  }

  /** Connects. The stream ends when all that hold it have let go, but not if somebody holds it again at once, as in StrictMode. */
  hold(): () => void {
    this.#holders += 1;
    if (!this.#client) this.#open();
    return () => {
      this.#holders -= 1;
      setTimeout(() => this.#holders || this.#close());
    };
  }

  /**
   * Calls the handler with each event after the place, with those that are here already at once; without a place, from now on. Returns
   * whether none can be missing, and the function that ends it and returns the place to go on from.
   */
  follow(handler: Handler, place?: Place): { isWhole: boolean; stop: () => Place | undefined } {
    // A client that is yet to come begins where it is wanted.
    const isWaiting = place === undefined || (!this.#client && typeof place === 'string');
    const events = isWaiting ? [] : this.#log.after(place);
    for (const event of events ?? []) handler(event);
    this.#handlers.set(handler, place);
    const stop = (): Place | undefined => {
      this.#handlers.delete(handler);
      return this.#client ? this.#log.end : place;
    };
    const isFirst = !this.#client || this.#log.end === 0;
    return { isWhole: events !== undefined && (place !== undefined || isFirst), stop };
  }

  /** Events wait until the handler's promise fulfils. */
  onReset(handler: ResetHandler): () => void {
    this.#resets.add(handler);
    return () => void this.#resets.delete(handler);
  }

  /** Adds a channel for as long as somebody wants it. With `since`, what came after that cursor comes first. */
  join(channel: string, since?: string): () => void {
    return this.#channels.join(channel, since);
  }

  /** Calls the function when the status or a latest event has changed. */
  watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  };

  latest(name: string): ClientEvent | undefined {
    return this.#latest.get(name);
  }

  /** Tells what has failed in a component. */
  report(cause: unknown): void {
    this.#fail(`refetch failed: ${(cause as Error | undefined)?.message ?? cause}`, cause);
  }

  #open(): void {
    const { onError: _, onReset: __, auth, ...options } = this.options;
    const since = this.#beginning();
    const client = createClient<AnyEvents>({
      ...options,
      since,
      // The newest one: a component's function may be another with each render.
      auth: auth && (() => (this.options.auth ?? auth)()),
    });
    this.#client = client;
    this.#log.begin(since);
    if (since !== this.#cursor) this.#latest.clear();
    client.on('*', (_, event) => this.#take(event));
    client.onStatus((status) => {
      this.status = status;
      this.#tell();
    });
    client.onError((error) => (this.options.onError ?? console.error)(error));
    this.#channels.open(client, since);
    client.onReset((reset) => this.#reset(reset));
  }

  /**
   * The earliest cursor that a handler needs. An earlier handler continues where the stream has ended. A new one without its own cursor
   * gets nothing that others had before.
   */
  #beginning(): string | undefined {
    const { since } = this.options;
    const places = [...this.#handlers.values()];
    for (const [handler, place] of this.#handlers) if (place === undefined) this.#handlers.set(handler, this.#cursor);
    const goesOn = places.some((place) => typeof place === 'number') || isUpTo(since, this.#cursor) !== false;
    const first = (goesOn && this.#cursor) || since;
    return places.filter((place) => typeof place === 'string').reduce(earlier, first);
  }

  #close(): void {
    this.#cursor = this.#client?.cursor;
    this.#client?.close();
    this.#client = undefined;
    this.#channels.close();
    this.status = NO_CONNECTION;
    this.#log.clear();
    this.#tell();
  }

  #take(event: ClientEvent): void {
    this.#log.add(event);
    this.#channels.follow(event, this.#log.start);
    this.#latest.set(event.event, event);
    for (const [handler, place] of [...this.#handlers]) {
      // It was rendered with this event already.
      if (typeof place === 'string' && isUpTo(event.id, place)) continue;
      try {
        handler(event);
      } catch (cause) {
        // As the client does with its own handlers: the others go on.
        queueMicrotask(() => {
          throw cause;
        });
      }
    }
    this.#tell();
  }

  #tell(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** A component that hydrates later finds the gap by itself. If there will be none, the page has to be told. */
  #reset(reset: Reset): Promise<unknown> {
    if (!this.#handlesResets()) {
      const client = this.#client;
      setTimeout(() => {
        if (this.#client === client && !this.#handlesResets()) this.#fail(UNHANDLED);
      }, HYDRATED_MS);
    }
    return Promise.all([this.options.onReset, ...this.#resets].map((handler) => handler?.(reset)));
  }

  #handlesResets(): boolean {
    return this.#resets.size > 0 || this.options.onReset !== undefined;
  }

  #fail(message: string, cause?: unknown): void {
    (this.options.onError ?? console.error)(new SSEClientError('reset', message, { cause }));
  }
}

const streams = new Map<string, EventStream>();

/** The page's stream of a user. On a server, where many users are rendered, nothing is shared. */
export function streamOf(options: StreamOptions, user: string): EventStream {
  if (typeof window === 'undefined') return new EventStream(options);
  const key = JSON.stringify([options.url, user]);
  const stream = streams.get(key) ?? new EventStream(options);
  streams.set(key, stream);
  return stream;
}
