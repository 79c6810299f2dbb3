/** A page's end of a stream, in a test. It reads from the addon itself, so it has an event as soon as that was sent. */
import type { NativeStream } from '../../binding.js';
import type { ConnectOptions } from '../../index';
import { createParser } from '../client/parser.js';
import { identify } from '../server/identity.js';
import { type Expected, matches } from './match.js';
import { type ReceivedEvent, summaryOf } from './received-event.js';
import { Changes, type WaitOptions } from './wait.js';
import type { TestStreams } from './watch/test-streams.js';

/** The owner of a test's client. Without a user, it is anonymous. */
export type TestClientOptions = Pick<
  ConnectOptions,
  'userId' | 'clientId' | 'channels' | 'data' | 'since' | 'welcome' | 'address'
> & {
  /** The id of the last event that it has seen, for a page that comes back. */
  lastEventId?: string;
};

/** Why a client has to fetch its state again. */
export type ResetReason = 'unknown' | 'evicted';

const READ_BYTES = 64 * 1024;

/** A client of the hub: a browser tab, as far as the server can tell. */
export class TestClient {
  readonly #options: TestClientOptions;
  readonly #streams: TestStreams;
  readonly #changes = new Changes();
  #stream: NativeStream | undefined;
  #isOver = false;
  #events: ReceivedEvent[] = [];
  #taken = 0;
  #lastEventId: string | undefined;

  /** @internal */
  constructor(options: TestClientOptions, streams: TestStreams) {
    this.#options = options;
    this.#streams = streams;
    this.#lastEventId = options.lastEventId;
    this.#open();
  }

  /** Its id. A page without an id of its own gets another with each connection. */
  get clientId(): string {
    return this.#stream?.clientId ?? '';
  }

  /** The application's events that it has received so far, in order. */
  get received(): ReceivedEvent[] {
    return this.#all().filter(({ event }) => !event.startsWith('ssekit:'));
  }

  /** ssekit's own events: `ssekit:ready` of each connection, `ssekit:reset`, `ssekit:subscribed` and so on. */
  get notices(): ReceivedEvent[] {
    return this.#all().filter(({ event }) => event.startsWith('ssekit:'));
  }

  /** The reasons of the resets that it has received: each time, a page fetches its state again. */
  get resets(): ResetReason[] {
    const resets = this.notices.filter(({ event }) => event === 'ssekit:reset');
    return resets.map(({ data }) => (data as { reason: ResetReason }).reason);
  }

  /** The id that a page would come back with. */
  get lastEventId(): string | undefined {
    this.#pump();
    return this.#lastEventId;
  }

  /** Whether its stream is open, as far as it has been read. */
  get isConnected(): boolean {
    this.#pump();
    return !this.#isOver;
  }

  /** Resolves with the next event of the application that no earlier call has returned; at once if it has come already. */
  async next(options?: WaitOptions): Promise<ReceivedEvent> {
    const take = (): ReceivedEvent | undefined => this.received[this.#taken];
    const found = await this.#changes.until(take, () => `No event came. ${this.#summary()}`, options);
    this.#taken += 1;
    return found;
  }

  /** Resolves with an event that looks like this, also if it has come already. It may be one of ssekit's own. */
  waitFor(expected: Expected, options?: WaitOptions): Promise<ReceivedEvent> {
    const find = (): ReceivedEvent | undefined => this.#all().find((event) => matches(event, expected));
    return this.#changes.until(
      find,
      () => `No such event came: ${JSON.stringify(expected)}. ${this.#summary()}`,
      options,
    );
  }

  /** Resolves when its stream has ended: the server has disconnected it. */
  async ended(options?: WaitOptions): Promise<void> {
    await this.#changes.until(
      () => !this.isConnected || undefined,
      () => 'The stream has not ended.',
      options,
    );
  }

  /** Cuts the connection, as a lost network does. The page may come back: `reconnect`. */
  disconnect(): this {
    this.#pump();
    if (!this.#isOver) this.#stream?.close(false);
    this.#isOver = true;
    return this;
  }

  /** Comes back as a page does: with its own id if it has one, and with the last event id that it has seen. */
  reconnect(): this {
    this.disconnect();
    this.#open();
    return this;
  }

  /** Makes the server tell it about a gap, as after a restart: it comes back, and receives `ssekit:reset`. */
  reset(reason: ResetReason = 'unknown'): this {
    this.disconnect();
    this.#lastEventId = `ssekit:${reason}`;
    this.#open();
    return this;
  }

  #open(): void {
    const { lastEventId: _, ...client } = this.#options;
    const anonymous = client.userId === undefined || client.userId === null;
    const asked = { url: undefined, lastEventId: this.#lastEventId, peer: undefined };
    const identity = identify({ ...client, ...(anonymous ? { anonymous } : {}) }, asked);
    if ('status' in identity) throw new Error(String(identity.body));
    this.#isOver = false;
    const parse = createParser(
      ({ name, data, id }) => this.#add(name, data, id),
      () => {},
    );
    this.#stream = this.#streams.open(identity, (chunk) => {
      if (chunk) parse(chunk);
      else this.#isOver = true;
      this.#pump();
      this.#changes.tell();
    });
    this.#parse = parse;
    parse(this.#stream.takeOpening());
    this.#pump();
  }

  #parse: (bytes: Uint8Array) => void = () => {};

  #add(event: string, data: string | undefined, id: string | undefined): void {
    if (id !== undefined) this.#lastEventId = id === '' ? undefined : id;
    if (data !== undefined) this.#events.push({ event, data: JSON.parse(data), ...(id === undefined ? {} : { id }) });
  }

  #all(): ReceivedEvent[] {
    this.#pump();
    return this.#events;
  }

  /** Reads everything that is there. An empty chunk means that the rest comes by itself. */
  #pump(): void {
    while (!this.#isOver) {
      const chunk = this.#stream?.read(READ_BYTES);
      if (chunk?.length === 0) return;
      if (chunk) this.#parse(chunk);
      else this.#isOver = true;
    }
  }

  #summary(): string {
    return summaryOf('The client', this.received);
  }

  /** Shows what was received, for messages. */
  toString(): string {
    return this.#summary();
  }
}
