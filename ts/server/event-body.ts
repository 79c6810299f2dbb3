/** The body of a web `Response` that is an event stream. */
import { setImmediate as turn } from 'node:timers/promises';

import type { ClientStream } from './client-stream.js';
import { currentResponse } from './request-context.js';

type Destination = WritableStream<Uint8Array>;

/**
 * A reader of this body gets the stream event by event, and writes it as it likes. A framework that pipes the body can do
 * better. The opening is written at once to the pipe's destination, which shows whether that is Node's own response and what
 * is between. Only then may the socket be handed off.
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
    // Nothing is read ahead: events that Node has not asked for stay in the log.
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
      // A newly made sink does not accept a chunk at once.
      await turn();
      if (!options?.signal?.aborted) await stream.openInto(locked.writer, currentResponse());
    } catch {
      // The pipe meets the same error, and ends the stream as usual.
    } finally {
      locked.release();
    }
  }
  return ReadableStream.prototype.pipeTo.call(body, destination, options);
}

/** Takes both ends, as a pipe does. Returns undefined if one of them is taken already; the pipe itself then reports that. */
function lock(
  body: ReadableStream<Uint8Array>,
  destination: Destination,
): { writer: WritableStreamDefaultWriter<Uint8Array>; release(): void } | undefined {
  if (body.locked || !(destination instanceof WritableStream) || destination.locked) return undefined;
  const reader = body.getReader();
  const writer = destination.getWriter();
  // Only the pipe will wait for these, later.
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
