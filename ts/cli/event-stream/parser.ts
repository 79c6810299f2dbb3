/**
 * Reads an event stream as a page does. `eventsource-parser` knows the fields. This file adds a size limit for an
 * event, after which the stream goes on, and the last event id, which events without data set as well.
 */
import { createParser, type EventSourceMessage } from 'eventsource-parser';

import { Lines } from './lines.js';

/** More than ssekit sends by default. A stream that never ends an event must not take all memory. */
export const MAX_EVENT_CHARACTERS = 16 * 1024 * 1024;

/** The memory that a data line takes besides its characters. Without this, empty lines would be free. */
const LINE_OVERHEAD = 8;

/** The library reports no id of an event without data. So each event gets one more data line, which is empty. */
const END_OF_EVENT = 'data\n\n';

/** One event, as `EventSource` would dispatch it. */
export interface StreamEvent {
  /** Its type; `message` if the stream names no type. */
  event: string;
  data: string;
  /** The last id that the stream has set, with this event or earlier. */
  lastEventId: string;
}

export interface StreamListener {
  onEvent?(event: StreamEvent): void;
  /** The stream has set the delay before a reconnect, in milliseconds. */
  onRetry?(milliseconds: number): void;
  /** A line that begins with a colon. Pages ignore it; for monitoring it is a sign of life. */
  onComment?(text: string): void;
  /** The parser left out an event, because it was longer than `MAX_EVENT_CHARACTERS`. */
  onOverlong?(): void;
}

export class EventStreamParser {
  readonly #listener: StreamListener;
  readonly #lines = new Lines(MAX_EVENT_CHARACTERS);
  readonly #fields;
  /** The size of the current event's data lines. */
  #length = 0;
  #lastEventId: string;

  /** `lastEventId` is the id from the previous connection, because a stream need not repeat it. */
  constructor(listener: StreamListener, lastEventId = '') {
    this.#listener = listener;
    this.#lastEventId = lastEventId;
    this.#fields = createParser({
      onEvent: (event) => this.#dispatch(event),
      onRetry: (milliseconds) => listener.onRetry?.(milliseconds),
      onComment: (text) => listener.onComment?.(text),
    });
    // At its start, the library would drop the characters `ï»¿`, which it takes for a byte order mark. An empty start
    // prevents that.
    this.#fields.feed('');
  }

  /** The value that a reconnect must send as `Last-Event-ID`. Only complete events count. */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  push(bytes: Uint8Array): void {
    for (const line of this.#lines.push(bytes)) {
      if (line === '') this.#fields.feed(END_OF_EVENT);
      else if (this.#fits(line)) this.#fields.feed(`${line}\n`);
    }
  }

  /** Whether there is room for a line. Any other field replaces its earlier value, so it needs no more room. */
  #fits(line: string): boolean {
    if (line.startsWith('data')) this.#length += line.length + LINE_OVERHEAD;
    else if (line.length > MAX_EVENT_CHARACTERS && !line.startsWith(':')) this.#length = Number.POSITIVE_INFINITY;
    else return true;
    return this.#length <= MAX_EVENT_CHARACTERS;
  }

  #dispatch({ event = 'message', data, id }: EventSourceMessage): void {
    const isOverlong = this.#length > MAX_EVENT_CHARACTERS;
    this.#length = 0;
    if (id !== undefined) this.#lastEventId = id;
    if (isOverlong) this.#listener.onOverlong?.();
    // Without a data line of its own, an event does not count.
    else if (data !== '') this.#listener.onEvent?.({ event, data: data.slice(0, -1), lastEventId: this.#lastEventId });
  }
}
