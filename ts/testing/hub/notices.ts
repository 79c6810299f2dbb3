/** Tells listeners what has happened: soon after the fact, in order, and never before the call that did it returns. */
import type { Notice } from '../../../binding.js';

export type Listener = (notice: Notice) => void;

export class Notices {
  readonly #listeners: Set<Listener>;

  /** Listeners outlive a hub: modules add theirs once, when they are loaded. */
  constructor(listeners: Set<Listener>) {
    this.#listeners = listeners;
  }

  tell(notice: Notice): void {
    for (const listener of this.#listeners) queueMicrotask(() => this.#listeners.has(listener) && listener(notice));
  }

  /** Each call is a listener of its own, even with the same function. */
  subscribe(listener: Listener): { end(): void } {
    const own: Listener = (notice) => listener(notice);
    this.#listeners.add(own);
    return { end: () => this.#listeners.delete(own) };
  }
}
