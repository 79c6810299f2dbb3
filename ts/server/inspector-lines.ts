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

/** The lines of a watch, one per tick. */
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
      const line = this.#watch.line();
      if (line === null) {
        this.end();
        sink.end();
        return;
      }
      const room = sink.write(line);
      if (room) void room.then(() => this.#goOn(sink));
      else this.#goOn(sink);
    });
  }

  #goOn(sink: LineSink): void {
    if (!this.#isOver) this.#writeAfter(this.#tickMs, sink);
  }
}
