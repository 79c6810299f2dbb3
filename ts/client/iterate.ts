/** Events by `for await`. */
import { EVENTS, OVERFLOW, overflown } from './dispatcher.js';
import type { Emitter } from './emitter.js';
import type { SSEClientError } from './error.js';
import type { ClientEvent } from './events.js';

/** Ends when the signal is aborted, after the events that came before. */
export async function* iterate(events: Emitter, signal: AbortSignal, report: (error: SSEClientError) => void) {
  let queue: ClientEvent[] = [];
  let wake = (): void => {};
  const off = events.on('*', (_, event: ClientEvent) => {
    if (queue.push(event) > EVENTS) {
      report(overflown());
      queue = [{ event: 'ssekit:reset', data: OVERFLOW, id: event.id }];
    }
    wake();
  });
  const onAbort = (): void => wake();
  signal.addEventListener('abort', onAbort);
  try {
    while (queue.length || !signal.aborted) {
      if (queue[0]) yield queue.shift() as ClientEvent;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    off();
    signal.removeEventListener('abort', onAbort);
  }
}
