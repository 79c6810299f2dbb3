/** The streams that Node carries: lets callers wait until there are no more, or end them. */

import { whenDisconnected } from './disconnected.js';
import type { AnyResponse } from './exchange.js';

interface Closable {
  close(): void;
}

class OpenStreams {
  /** Grows with each chunk that passes, and each stream that ends. */
  passed = 0;
  readonly #open = new Set<Closable>();
  #waiting: (() => void)[] = [];

  add(stream: Closable): void {
    this.#open.add(stream);
  }

  get size(): number {
    return this.#open.size;
  }

  remove(stream: Closable): void {
    this.#open.delete(stream);
    this.passed += 1;
    if (this.#open.size > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  none(): Promise<void> {
    return this.#open.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Ends all of them, at the end of a test file. */
  close(): void {
    for (const stream of this.#open) stream.close();
  }
}

/** One for all copies of this package. The number is the version of the data that they share. */
const KEY = Symbol.for('ssekit.open-streams.3');

const shared = globalThis as { [KEY]?: OpenStreams };

export function openStreams(): OpenStreams {
  shared[KEY] ??= new OpenStreams();
  return shared[KEY];
}

/**
 * A stream has ended, and the last bytes of its response are on their way. It counts as open until they have left Node, or the client has
 * disconnected.
 */
export function openUntilWritten(response: AnyResponse): void {
  const last = { close: () => {} };
  openStreams().add(last);
  whenDisconnected(response, () => openStreams().remove(last));
}
