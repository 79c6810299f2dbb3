/** Streams that Node carries, and who waits until there is none left. */
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

/** One for all copies of this package; the number is the version of what they have to agree on. */
const KEY = Symbol.for('ssekit.open-streams.1');

const shared = globalThis as { [KEY]?: OpenStreams };

export function openStreams(): OpenStreams {
  shared[KEY] ??= new OpenStreams();
  return shared[KEY];
}
