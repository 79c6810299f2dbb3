/**
 * The hub's clock. It stands still until a test moves it, so that no slow test changes what happens. Fake timers of jest and vitest move
 * it, too. For a whole run, which no test controls, it ticks.
 */
interface Due {
  at: number;
  run(): void;
}

/** The fake timers of both carry their clock. */
type Timer = typeof setTimeout & { clock?: unknown };

const isFaked = (): boolean => (globalThis.setTimeout as Timer).clock !== undefined;

export class Clock {
  readonly #ticks: boolean;
  #now = Date.now();
  /** The time outside at the last look, while it counts. */
  #outside: number | undefined;
  #due: Due[] = [];

  constructor(ticks: boolean) {
    this.#ticks = ticks;
    this.#outside = this.#follows() ? Date.now() : undefined;
  }

  get now(): number {
    const outside = this.#follows() ? Date.now() : undefined;
    if (outside !== undefined && this.#outside !== undefined) this.#now += Math.max(0, outside - this.#outside);
    this.#outside = outside;
    return this.#now;
  }

  /** Calls back after this time, unless the returned function is called before. */
  after(ms: number, run: () => void): () => void {
    const due = { at: this.now + ms, run };
    this.#due.push(due);
    // The clock need not move for what is due at once.
    if (ms === 0) queueMicrotask(() => this.#runUntil(this.now));
    else if (this.#follows()) wake(ms, () => this.#runUntil(this.now));
    return () => {
      this.#due = this.#due.filter((other) => other !== due);
    };
  }

  /** Moves the clock; everything that is due happens in order, at its time. */
  advance(ms: number): void {
    this.#runUntil(this.now + ms);
  }

  /** Forgets everything that is due. */
  clear(): void {
    this.#due = [];
  }

  #follows(): boolean {
    return this.#ticks || isFaked();
  }

  #runUntil(end: number): void {
    for (;;) {
      const [next] = this.#due.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
      if (!next) break;
      this.#due = this.#due.filter((due) => due !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = Math.max(this.#now, end);
  }
}

/** The timer must not keep the process alive. In a page's environment, timers are numbers. */
function wake(ms: number, run: () => void): void {
  const timer: unknown = globalThis.setTimeout(run, ms);
  (timer as { unref?(): void }).unref?.();
}
