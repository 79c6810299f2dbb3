/** The body of a web `Response` that is an event stream. */
import { setImmediate as turn } from 'node:timers/promises';

import type { ClientStream } from './client-stream.js';
import { currentResponse } from './pairs.js';

type Destination = WritableStream<Uint8Array>;

/**
 * Whoever reads this body gets the stream, event by event, and writes it as it likes. A framework that pipes it is served
 * better: the opening is written to where the pipe leads at once, so that it shows whether that is Node's own response and
 * what stands between. Only then may the socket be handed off.
 */
export function eventBody(stream: ClientStream): ReadableStream<Uint8Array> {
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = await stream.read();
        if (chunk) controller.enqueue(chunk);
        else controller.close();
      },
      cancel: () => stream.close(),
    },
    // Nothing is read ahead: what Node has not asked for stays in the log.
    { highWaterMark: 0 },
  );
  const pipeTo = (destination: Destination, options?: StreamPipeOptions): Promise<void> =>
    pipe(body, stream, destination, options);
  return Object.defineProperty(body, 'pipeTo', { value: pipeTo, writable: true, configurable: true });
}

async function pipe(
  body: ReadableStream<Uint8Array>,
  stream: ClientStream,
  destination: Destination,
  options?: StreamPipeOptions,
): Promise<void> {
  const locked = lock(body, destination);
  if (locked) {
    try {
      // A sink that has just been made takes nothing at once.
      await turn();
      if (!options?.signal?.aborted) await stream.openInto(locked.writer, currentResponse());
    } catch {
      // The pipe meets the same error, and ends the stream as it ends any other.
    } finally {
      locked.release();
    }
  }
  return ReadableStream.prototype.pipeTo.call(body, destination, options);
}

/** Both ends are taken, as a pipe takes them. Undefined: one of them is taken already, which the pipe itself will say. */
function lock(
  body: ReadableStream<Uint8Array>,
  destination: Destination,
): { writer: WritableStreamDefaultWriter<Uint8Array>; release(): void } | undefined {
  if (body.locked || !(destination instanceof WritableStream) || destination.locked) return undefined;
  const reader = body.getReader();
  const writer = destination.getWriter();
  // Whoever waits for these is the pipe, later.
  reader.closed.catch(() => {});
  writer.closed.catch(() => {});
  writer.ready.catch(() => {});
  return {
    writer,
    release() {
      reader.releaseLock();
      writer.releaseLock();
    },
  };
}
