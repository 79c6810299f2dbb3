/** The lines that a watching page of the inspector gets. A reader who is slow gets fewer. */
import type { NativeWatch } from '../../binding.js';
import { inBackground } from './background.js';
import { native } from './binding.js';

/** Where lines go. */
export interface LineSink {
  /** Takes a line. Resolves when there is room for another one. */
  write(line: string): Promise<void> | undefined;
  end(): void;
}

/** A watch pauses for this many times what a line took, so that it takes at most a two hundredth of the thread that serves the application. */
const PAUSE_PER_COST = 199;

/** The maximum pause: a page that gets lines more rarely looks broken. */
const MOST_PAUSE_MS = 1_000;

/** The lines of a watch, one per tick or, where lines are dear, fewer. */
export class Lines {
  readonly #watch: NativeWatch;
  readonly #tickMs = native().inspectorPage().tickMs;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(watch: NativeWatch) {
    this.#watch = watch;
  }

  /** Writes lines until the watch has ended. */
  pourInto(sink: LineSink): void {
    this.#writeAfter(0, sink);
  }

  /** Ends the watch, when its reader has left. */
  end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#watch.end();
  }

  /** As the body of a web `Response`. */
  asStream(): ReadableStream<Uint8Array> {
    const encoder = new TextEncoder();
    let more: (() => void) | undefined;
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.pourInto({
            write: (line) => {
              controller.enqueue(encoder.encode(line));
              if ((controller.desiredSize ?? 0) > 0) return undefined;
              return new Promise((resolve) => {
                more = resolve;
              });
            },
            end: () => controller.close(),
          });
        },
        pull: () => more?.(),
        cancel: () => this.end(),
      },
      { highWaterMark: 1 },
    );
  }

  #writeAfter(ms: number, sink: LineSink): void {
    this.#timer = inBackground(ms, () => {
      const began = performance.now();
      const line = this.#watch.line();
      if (line === null) {
        this.end();
        sink.end();
        return;
      }
      const room = sink.write(line);
      const pause = this.#pauseAfter(performance.now() - began);
      if (room) void room.then(() => this.#goOn(pause, sink));
      else this.#goOn(pause, sink);
    });
  }

  #pauseAfter(costMs: number): number {
    return Math.max(this.#tickMs, Math.min(costMs * PAUSE_PER_COST, MOST_PAUSE_MS));
  }

  #goOn(pauseMs: number, sink: LineSink): void {
    if (!this.#isOver) this.#writeAfter(pauseMs, sink);
  }
}
