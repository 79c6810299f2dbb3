/** The life of a watch: it opens, ends and opens again until somebody stops it. */
import { backoff } from '../../client/backoff.js';
import { readLines } from './line-reader.js';
import type { Hello, Line, Tick } from './lines.js';
import { post, RequestFailure } from './post.js';

/** A server sends a line at least once a second. After so many milliseconds without one, the connection is dead. */
const SILENT_MS = 10_000;

/** The server means these answers: asking again would not change them. */
const FINAL = new Set([400, 401, 403, 404, 405, 413, 415]);

export type WatchState =
  | { name: 'connecting' }
  | { name: 'live' }
  /** `retryAt`: by this page's clock. */
  | { name: 'waiting'; message: string; retryAt: number }
  | { name: 'token'; message: string }
  | { name: 'stopped'; message: string };

export interface WatchHandlers {
  onState(state: WatchState): void;
  onHello(hello: Hello): void;
  onTick(tick: Tick): void;
}

export class Watch {
  readonly #handlers: WatchHandlers;
  #find = '';
  #failures = 0;
  #ending = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(handlers: WatchHandlers) {
    this.#handlers = handlers;
  }

  /** Opens a watch with this filter now, in place of the one that there is. */
  open(find = this.#find): void {
    this.close();
    this.#find = find;
    this.#ending = new AbortController();
    void this.#follow(this.#ending);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#ending.abort();
  }

  async #follow(ending: AbortController): Promise<void> {
    this.#handlers.onState({ name: 'connecting' });
    try {
      await this.#read(ending);
      this.#fail(ending, new RequestFailure('The connection was lost.', 0));
    } catch (error) {
      this.#fail(ending, error instanceof RequestFailure ? error : new RequestFailure('The connection was lost.', 0));
    }
  }

  async #read(ending: AbortController): Promise<void> {
    const { signal } = ending;
    const answer = await post(JSON.stringify({ watch: this.#find ? { find: this.#find } : {} }), signal);
    if (!answer.body || !answer.headers.get('content-type')?.startsWith('application/x-ndjson')) {
      throw new RequestFailure('The server answered with something else than a watch.', answer.status);
    }
    this.#expectLine(ending);
    await readLines(answer.body, (line) => {
      if (signal.aborted) return;
      this.#expectLine(ending);
      this.#take(line);
    });
  }

  #take(text: string): void {
    try {
      const line = JSON.parse(text) as Line;
      if ('hello' in line) {
        this.#handlers.onHello(line.hello);
        this.#handlers.onState({ name: 'live' });
      } else if ('tick' in line) {
        // Not before: a server that cannot get further than the first line must not be asked without a pause.
        this.#failures = 0;
        this.#handlers.onTick(line.tick);
      }
    } catch (cause) {
      console.error(cause);
      throw new RequestFailure('The server sent a line that this page cannot read.', 200);
    }
  }

  #expectLine(ending: AbortController): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#fail(ending, new RequestFailure('The server has gone silent.', 0));
    }, SILENT_MS);
  }

  #fail(ending: AbortController, { message, status, retryAfterMs }: RequestFailure): void {
    // Whoever closed or replaced this watch knows that it is over.
    if (ending.signal.aborted) return;
    this.close();
    if (status === 401) this.#handlers.onState({ name: 'token', message });
    else if (FINAL.has(status)) this.#handlers.onState({ name: 'stopped', message });
    else this.#retryLater(message, retryAfterMs);
  }

  #retryLater(message: string, retryAfterMs: number): void {
    const delay = Math.min(backoff(this.#failures, retryAfterMs || 0), 120_000);
    this.#failures += 1;
    this.#timer = setTimeout(() => this.open(), delay);
    this.#handlers.onState({ name: 'waiting', message, retryAt: Date.now() + delay });
  }
}
