/** Counts the streams that Node carries, and lets callers wait until there are no more. */
class OpenStreams {
  #open = 0;
  #waiting: (() => void)[] = [];

  add(): void {
    this.#open += 1;
  }

  remove(): void {
    this.#open -= 1;
    if (this.#open > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  none(): Promise<void> {
    return this.#open === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** One for all copies of this package. The number is the version of the data that they share. */
const KEY = Symbol.for('ssekit.open-streams.1');

const shared = globalThis as { [KEY]?: OpenStreams };

export function openStreams(): OpenStreams {
  shared[KEY] ??= new OpenStreams();
  return shared[KEY];
}
