/**
 * Reads an event stream byte by byte, as the standard requires:
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */

import { Gathered } from './gathered.js';

/** More than ssekit sends by default. A stream that never ends a line must not take all memory. */
export const MAX_EVENT_CHARACTERS = 16 * 1024 * 1024;

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
  /** An event was longer than `MAX_EVENT_CHARACTERS`, and was left out. */
  onOverlong?(): void;
}

export class EventStreamParser {
  readonly #listener: StreamListener;
  // It drops a byte order mark, but only at the very beginning.
  readonly #decoder = new TextDecoder('utf-8');
  /** The current line, in the pieces that it arrived in. */
  readonly #line = new Gathered('');
  /** The last piece ended with a CR. A LF that comes next belongs to it. */
  #skipLineFeed = false;
  /** The current line is too long; the rest of it is skipped. */
  #isLineOverlong = false;
  #isEventOverlong = false;
  readonly #data = new Gathered('\n');
  #type = '';
  #id: string;
  #lastEventId: string;

  /** `lastEventId` is the id from the previous connection, because a stream need not repeat it. */
  constructor(listener: StreamListener, lastEventId = '') {
    this.#listener = listener;
    this.#id = lastEventId;
    this.#lastEventId = lastEventId;
  }

  /** The value that a reconnect must send as `Last-Event-ID`. Only complete events count. */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  push(bytes: Uint8Array): void {
    let text = this.#decoder.decode(bytes, { stream: true });
    if (text === '') return;
    if (this.#skipLineFeed && text.startsWith('\n')) text = text.slice(1);
    this.#skipLineFeed = text.endsWith('\r');
    const lines = text.split(/\r\n|\r|\n/);
    const unfinished = lines.pop() as string;
    for (const line of lines) {
      this.#hold(line);
      if (!this.#isLineOverlong) this.#takeLine(this.#line.take() ?? '');
      this.#isLineOverlong = false;
    }
    if (unfinished !== '') this.#hold(unfinished);
  }

  #hold(piece: string): void {
    if (this.#isLineOverlong) return;
    this.#line.add(piece);
    if (this.#line.length + this.#data.length <= MAX_EVENT_CHARACTERS) return;
    // A comment is not part of an event.
    if (!this.#line.take()?.startsWith(':')) this.#giveUpEvent();
    this.#isLineOverlong = true;
  }

  #giveUpEvent(): void {
    this.#isEventOverlong = true;
    this.#data.take();
  }

  #takeLine(line: string): void {
    const colon = line.indexOf(':');
    if (line === '') this.#dispatch();
    else if (colon === 0) this.#listener.onComment?.(line.slice(1));
    else if (colon < 0) this.#takeField(line, '');
    // One space after the colon is part of the format, all others are part of the value.
    else this.#takeField(line.slice(0, colon), line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1));
  }

  #takeField(name: string, value: string): void {
    if (name === 'event') this.#type = value;
    if (name === 'data' && !this.#isEventOverlong) this.#data.add(value);
    if (name === 'id' && !value.includes('\0')) this.#id = value;
    if (name === 'retry' && /^[0-9]+$/.test(value)) this.#listener.onRetry?.(Number(value));
  }

  #dispatch(): void {
    this.#lastEventId = this.#id;
    const [data, type] = [this.#data.take(), this.#type];
    this.#type = '';
    if (this.#isEventOverlong) {
      this.#isEventOverlong = false;
      this.#listener.onOverlong?.();
      return;
    }
    // An event without a data line does not count as an event, but its id counts.
    if (data === undefined) return;
    this.#listener.onEvent?.({ event: type || 'message', data, lastEventId: this.#lastEventId });
  }
}
