/** The streams that Node carries: lets callers wait until there are no more, or end them. */
interface Closable {
  close(): void;
}

class OpenStreams {
  readonly #open = new Set<Closable>();
  #waiting: (() => void)[] = [];

  add(stream: Closable): void {
    this.#open.add(stream);
  }

  remove(stream: Closable): void {
    this.#open.delete(stream);
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
const KEY = Symbol.for('ssekit.open-streams.2');

const shared = globalThis as { [KEY]?: OpenStreams };

export function openStreams(): OpenStreams {
  shared[KEY] ??= new OpenStreams();
  return shared[KEY];
}
