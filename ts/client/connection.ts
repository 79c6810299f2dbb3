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

/** After so much of a stream, earlier failures are forgotten. */
const STABLE_MS = 5_000;

export interface ConnectionListener {
  /** A block is complete. `since`: the last event id that its connection has begun with. */
  block(block: Block, since: string | undefined): void;
  status(status: ClientStatus): void;
  error(error: SSEClientError): void;
}

export interface Connection {
  /** Connects now, unless it is closed, or already on its way. */
  open(): void;
  /** Ends the connection until `open`. */
  pause(): void;
  close(): void;
  /** Looks at the clocks, because timers may have been late. */
  wake(): void;
  /** There is a network again, so an attempt that failed without one need not wait. */
  online(): void;
  /** The id of the last whole block that had one. */
  lastEventId(): string | undefined;
}

/** `heartbeatMs`: may change; call `wake` then. `request`: asks for the stream after this event. */
export function createConnection(
  heartbeatMs: () => number,
  keyring: Keyring,
  request: (lastEventId: string | undefined, signal: AbortSignal) => Promise<Response>,
  listener: ConnectionListener,
): Connection {
  let state: ClientStatus['state'] = 'paused';
  /** Why there is no stream. */
  let why: Partial<ClientStatus> = {};
  /** The current attempt or stream: an earlier one is aborted. */
  let current = new AbortController();
  let cancel: (() => void) | undefined;
  let lastEventId: string | undefined;
  let failures = 0;
  let retryMs: number | undefined;
  /** The exact delay that the server has asked for, once. */
  let drainMs: number | undefined;
  let retryAt = 0;
  let mayHurry = false;
  let openedAt = 0;
  let isAskedAgain = false;

  const watchdog = createWatchdog(heartbeatMs, () => ended(new SSEClientError('unreachable', 'No heartbeat')));

  function set(next: ClientStatus['state'], more = why): void {
    state = next;
    listener.status({ ...more, state });
  }

  /** Not by the reader's `cancel()`: in Firefox, the server would notice that only when it writes. */
  function stop(): void {
    watchdog.stop();
    cancel?.();
    current.abort();
  }

  const isClosed = (): boolean => state === 'closed';

  function finish(next: 'paused' | 'closed', reason: Partial<ClientStatus> = {}): void {
    if (isClosed()) return;
    stop();
    set(next, reason);
  }

  async function attempt(): Promise<void> {
    stop();
    current = new AbortController();
    const { signal } = current;
    watchdog.heard();
    set('connecting');
    try {
      await stream(signal);
    } catch (cause) {
      const isOurs = cause instanceof SSEClientError;
      if (!signal.aborted)
        ended(isOurs ? cause : causedBy('unreachable', 'No connection (server down, or CORS)', cause));
    }
  }

  /** Rejects with the reason when it is over. */
  async function stream(signal: AbortSignal): Promise<void> {
    const since = lastEventId;
    const answer = await request(since, signal);
    checkAnswer(answer, Date.now());
    if (!signal.aborted) opened();
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    const parse = createParser(
      (block) => {
        // A handler may have closed the client while this piece is read.
        if (signal.aborted) return;
        lastEventId = block.id ?? lastEventId;
        if (block.name === 'ssekit:drain') drainMs = retryMs;
        listener.block(block, since);
      },
      (ms) => {
        retryMs = ms;
      },
    );
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) throw new SSEClientError('unreachable', 'Stream ended');
      watchdog.heard();
      parse(value);
    }
  }

  function opened(): void {
    openedAt = performance.now();
    isAskedAgain = false;
    why = {};
    // A fresh ticket before the old one expires. If there is none, the stream goes on for as long as it may.
    const { signal } = current;
    const leftMs = keyring.leftMs();
    const renew = (): unknown => signal.aborted || attempt();
    if (leftMs > 0) cancel = after(leftMs, () => void keyring.get().then(renew, listener.error));
    set('open');
  }

  function ended(error: SSEClientError): void {
    const { message, status, retryAfterMs = Number.NaN } = error;
    const wasOpen = state === 'open';
    const isKnown = wasOpen || why.reason === message;
    const isRefused = status === 401 || status === 403;
    stop();
    if (isRefused && !isAskedAgain && keyring.forget()) {
      isAskedAgain = true;
      void attempt();
      return;
    }
    why = { reason: message, httpStatus: status };
    // A cut is nothing special, and the same failure over and over is told once.
    if (!isKnown) listener.error(error);
    if (status === 204 || isRefused) finish('closed', why);
    // By itself, or by a handler of errors.
    if (isClosed()) return;
    if (wasOpen && performance.now() - openedAt >= STABLE_MS) failures = 0;
    // `Retry-After` counts seconds, so the pages have to spread themselves within one.
    const asked = retryAfterMs >= 0 ? retryAfterMs + Math.random() * 1_000 : drainMs;
    const ms = asked ?? backoff(failures, retryMs);
    failures += 1;
    drainMs = undefined;
    mayHurry = asked === undefined;
    retryAt = Date.now() + ms;
    cancel = after(ms, open);
    set('waiting', { ...why, retryAt });
  }

  function open(): void {
    if (state === 'paused' || state === 'waiting') void attempt();
    else watchdog.check();
  }

  function wake(): void {
    if (state === 'waiting' && Date.now() < retryAt) return;
    if (state !== 'paused') open();
  }

  return {
    open,
    wake,
    pause: () => finish('paused'),
    close: () => finish('closed'),
    online() {
      if (mayHurry) retryAt = 0;
      wake();
    },
    lastEventId: () => lastEventId,
  };
}
