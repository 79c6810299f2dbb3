/** The body of a web `Response` that is written to as Node's own response is. */
import type { Sink } from './client-stream.js';

/** The number of bytes that may wait for the reader. Later events wait in the logs. */
const WAITING_BYTES = 64 * 1024;

/** `onCancel`: called when nobody reads the body any more. */
export function openBody(onCancel: () => void): { body: ReadableStream<Uint8Array>; sink: Sink } {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let wanted = (): void => {};
  const body = new ReadableStream<Uint8Array>(
    {
      start(given) {
        controller = given;
      },
      pull: () => wanted(),
      cancel() {
        controller = undefined;
        onCancel();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: WAITING_BYTES }),
  );
  const sink: Sink = {
    write: (chunk) => controller?.enqueue(chunk),
    drained() {
      if (!controller || (controller.desiredSize ?? 1) > 0) return undefined;
      return new Promise((resolve) => {
        wanted = resolve;
      });
    },
    end() {
      controller?.close();
      controller = undefined;
    },
  };
  return { body, sink };
}
