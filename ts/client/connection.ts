/**
 * One stream, opened again whenever it ends. It knows bytes, blocks and clocks, but no handler: pages that share it could each have
 * handlers of their own.
 */
import { checkAnswer } from './answer.js';
import { backoff } from './backoff.js';
import type { Keyring } from './credentials.js';
import { causedBy, SSEClientError } from './error.js';
import { type Block, createParser } from './parser.js';
import { after } from './timer.js';
import type { ClientStatus } from './types.js';
import { createWatchdog } from './watchdog.js';

/** The age of a stream at which earlier failures are forgotten. */
const STABLE_MS = 5_000;

export interface ConnectionListener {
  /** A block is complete. `since`: the last event id that its connection has begun with. */
  block(block: Block, since: string | undefined): void;
  status(status: ClientStatus): void;
  error(error: SSEClientError): void;
}

/** Asks for the stream after this event. */
export type StreamRequest = (lastEventId: string | undefined, signal: AbortSignal) => Promise<Response>;

export class Connection {
  /** The id of the last whole block that had one. */
  lastEventId: string | undefined;

  readonly #keyring: Keyring;
  readonly #request: StreamRequest;
  readonly #listener: ConnectionListener;
  readonly #watchdog = createWatchdog(
    () => this.#heartbeatMs,
    () => this.#ended(new SSEClientError('unreachable', 'No heartbeat')),
  );
  #heartbeatMs: number;
  #state: ClientStatus['state'] = 'paused';
  /** Why there is no stream. */
  #why: Partial<ClientStatus> = {};
  /** The current attempt or stream: an earlier one is aborted. */
  #current = new AbortController();
  #cancel: (() => void) | undefined;
  #failures = 0;
  #retryMs: number | undefined;
  /** The exact delay that the server has asked for, once. */
  #drainMs: number | undefined;
  #retryAt = 0;
  #mayHurry = false;
  #openedAt = 0;
  #isAskedAgain = false;

  constructor(heartbeatMs: number, keyring: Keyring, request: StreamRequest, listener: ConnectionListener) {
    this.#heartbeatMs = heartbeatMs;
    this.#keyring = keyring;
    this.#request = request;
    this.#listener = listener;
  }

  /** After two without any, the stream counts as broken. */
  heartbeats(ms: number): void {
    this.#heartbeatMs = ms;
    this.#watchdog.check();
  }

  /** Connects now, unless it is closed, or already on its way. */
  readonly open = (): void => {
    if (this.#state === 'paused' || this.#state === 'waiting') void this.#attempt();
    else this.#watchdog.check();
  };

  /** Ends the connection until `open`. */
  readonly pause = (): void => this.#finish('paused');

  readonly close = (): void => this.#finish('closed');

  /** Looks at the clocks, because timers may have been late. */
  readonly wake = (): void => {
    if (this.#state === 'waiting' && Date.now() < this.#retryAt) return;
    if (this.#state !== 'paused') this.open();
  };

  /** There is a network again, so an attempt that failed without one need not wait. */
  readonly online = (): void => {
    if (this.#mayHurry) this.#retryAt = 0;
    this.wake();
  };

  async #attempt(): Promise<void> {
    this.#stop();
    this.#current = new AbortController();
    const { signal } = this.#current;
    this.#watchdog.heard();
    this.#set('connecting');
    try {
      await this.#stream(signal);
    } catch (cause) {
      const isOurs = cause instanceof SSEClientError;
      if (!signal.aborted)
        this.#ended(isOurs ? cause : causedBy('unreachable', 'No connection (server down, or CORS)', cause));
    }
  }

  /** Rejects with the reason when it is over. */
  async #stream(signal: AbortSignal): Promise<void> {
    const since = this.lastEventId;
    const answer = await this.#request(since, signal);
    checkAnswer(answer);
    if (!signal.aborted) this.#opened();
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    const parse = createParser(
      (block) => {
        // A handler may have closed the client while this piece is read.
        if (signal.aborted) return;
        this.lastEventId = block.id ?? this.lastEventId;
        if (block.name === 'ssekit:drain') this.#drainMs = this.#retryMs;
        this.#listener.block(block, since);
      },
      (ms) => {
        this.#retryMs = ms;
      },
    );
    for (;;) {
      const { done, value } = await reader.read();
      if (signal.aborted || done) throw new SSEClientError('unreachable', 'Stream ended');
      this.#watchdog.heard();
      parse(value);
    }
  }

  #opened(): void {
    this.#openedAt = performance.now();
    this.#isAskedAgain = false;
    this.#why = {};
    // A fresh ticket before the old one expires. If there is none, the stream goes on for as long as it may.
    const { signal } = this.#current;
    const leftMs = this.#keyring.leftMs();
    const renew = (): unknown => signal.aborted || this.#attempt();
    if (leftMs > 0) this.#cancel = after(leftMs, () => void this.#keyring.get().then(renew, this.#listener.error));
    this.#set('open');
  }

  #ended(error: SSEClientError): void {
    const { message, status, retryAfterMs = Number.NaN } = error;
    const wasOpen = this.#state === 'open';
    const isKnown = wasOpen || this.#why.reason === message;
    const isRefused = status === 401 || status === 403;
    this.#stop();
    if (isRefused && !this.#isAskedAgain && this.#keyring.forget()) {
      this.#isAskedAgain = true;
      void this.#attempt();
      return;
    }
    this.#why = { reason: message, httpStatus: status };
    // A cut is nothing special, and a repeated failure is reported once.
    if (!isKnown) this.#listener.error(error);
    if (status === 204 || isRefused) this.#finish('closed', this.#why);
    // By itself, or by a handler of errors.
    if (this.#state === 'closed') return;
    if (wasOpen && performance.now() - this.#openedAt >= STABLE_MS) this.#failures = 0;
    this.#wait(retryAfterMs);
  }

  /** `retryAfterMs`: the server has asked for it. Less than 0 if a shared connection has ended: then nobody has asked. */
  #wait(retryAfterMs: number): void {
    // `Retry-After` counts seconds, so the pages have to spread themselves within one.
    const asked = retryAfterMs > -1_000 ? retryAfterMs + Math.random() * 1_000 : this.#drainMs;
    const ms = asked ?? backoff(this.#failures, this.#retryMs);
    this.#failures += 1;
    this.#drainMs = undefined;
    this.#mayHurry = asked === undefined;
    this.#retryAt = Date.now() + ms;
    this.#cancel = after(ms, this.open);
    this.#set('waiting', { ...this.#why, retryAt: this.#retryAt });
  }

  #finish(next: 'paused' | 'closed', reason: Partial<ClientStatus> = {}): void {
    if (this.#state === 'closed') return;
    this.#stop();
    this.#set(next, reason);
  }

  /** Not by the reader's `cancel()`: in Firefox, the server would notice that only when it writes. */
  #stop(): void {
    this.#watchdog.stop();
    this.#cancel?.();
    this.#current.abort();
  }

  #set(state: ClientStatus['state'], more = this.#why): void {
    this.#state = state;
    this.#listener.status({ ...more, state });
  }
}
