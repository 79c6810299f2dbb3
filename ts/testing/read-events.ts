/** Reads the answer of a route that streams. */
import { createParser } from '../client/parser.js';
import { type Expected, matches } from './match.js';
import { isNotice, type ReceivedEvent, summaryOf } from './received-event.js';
import { Changes, type WaitOptions } from './wait.js';
import './symbols.js';

/**
 * Reads the events of a response: `const events = readEvents(await GET(new Request('http://localhost/api/sse')))`. Throws if the response
 * is no event stream, and says what it is. Close it at the end of the test, or the client stays connected.
 */
export function readEvents(response: Response): EventReader {
  const type = response.headers.get('content-type') ?? 'no content type';
  if (response.status !== 200 || !type.startsWith('text/event-stream') || !response.body) {
    throw new TypeError(`response: got ${response.status} with ${type}, wants 200 with text/event-stream`);
  }
  return new EventReader(response.body);
}

/** The events of a response. */
export class EventReader implements AsyncIterable<ReceivedEvent> {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #changes = new Changes();
  readonly #events: ReceivedEvent[] = [];
  #isOver = false;
  #taken = 0;

  /** @internal */
  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader();
    void this.#read();
  }

  /** The application's events that have come so far. */
  get received(): ReceivedEvent[] {
    return this.#events.filter((event) => !isNotice(event));
  }

  /** ssekit's own events: `ssekit:ready`, `ssekit:reset` and so on. */
  get notices(): ReceivedEvent[] {
    return this.#events.filter(isNotice);
  }

  /** Resolves with the next event of the application that no earlier call has returned. Rejects if the stream ends first. */
  async next(options?: WaitOptions): Promise<ReceivedEvent> {
    const event = await this.#next(options);
    if (event) return event;
    throw new Error(`The stream has ended. ${summaryOf('It', this.received)}`);
  }

  /** Resolves with this many events. */
  async take(count: number, options?: WaitOptions): Promise<ReceivedEvent[]> {
    const events: ReceivedEvent[] = [];
    while (events.length < count) events.push(await this.next(options));
    return events;
  }

  /** Resolves with an event that looks like this, also if it has come already. It may be one of ssekit's own. */
  waitFor(expected: Expected, options?: WaitOptions): Promise<ReceivedEvent> {
    const find = (): ReceivedEvent | undefined => this.#events.find((event) => matches(event, expected));
    const problem = (): string =>
      `No such event came: ${JSON.stringify(expected)}. ${summaryOf('The reader', this.received)}`;
    return this.#changes.until(find, problem, options);
  }

  /** Gives one event after the other, until the stream ends. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ReceivedEvent, void, undefined> {
    for (;;) {
      const event = await this.#next({ timeoutMs: LONGEST });
      if (!event) return;
      yield event;
    }
  }

  /** Leaves, as a page that is closed does. */
  async close(): Promise<void> {
    this.#isOver = true;
    await this.#reader.cancel();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Undefined at the end. */
  async #next(options?: WaitOptions): Promise<ReceivedEvent | undefined> {
    const find = (): { event: ReceivedEvent | undefined } | undefined => {
      const event = this.received[this.#taken];
      return event || this.#isOver ? { event } : undefined;
    };
    const { event } = await this.#changes.until(
      find,
      () => `No event came. ${summaryOf('The reader', this.received)}`,
      options,
    );
    if (event) this.#taken += 1;
    return event;
  }

  async #read(): Promise<void> {
    const parse = createParser(
      ({ name, data, id }) => {
        if (data !== undefined)
          this.#events.push({ event: name, data: JSON.parse(data), ...(id === undefined ? {} : { id }) });
      },
      () => {},
    );
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) break;
        parse(value);
        this.#changes.tell();
      }
    } catch {
      // The stream was cut.
    }
    this.#isOver = true;
    this.#changes.tell();
  }
}

/** As long as a timer can be. */
const LONGEST = 2 ** 31 - 1;
