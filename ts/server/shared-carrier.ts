/**
 * One response that carries the streams of several tabs of a browser. Each stream stays a client of its own; only the connection is shared.
 * A frame is a line with the stream's number and the length in bytes, and then the bytes. Length 0 is the end of that stream.
 */

import { randomUUID } from 'node:crypto';
import { inBackground } from './background.js';
import type { ClientStream, Sink } from './client-stream.js';
import type { AnyResponse } from './exchange.js';
import { openUntilWritten } from './open-streams.js';
import { type OpenSocket, socketOf } from './sockets.js';

/** Timeout of the first stream. The tab that asked for the carrier asks for its stream right after. */
const UNUSED_MS = 10_000;

/** The maximum number of carriers that wait for their first stream. They are no clients, so the limits of clients do not apply. */
const MOST_UNUSED = 1_000;

/** The end of a stream that does not exist. It makes Node send the head of the response. */
const GREETING = frame(0);

export class SharedCarrier {
  /** A request with this key may add a stream of the same user. */
  readonly key: string = randomUUID();
  /** The socket of the response, if it is known. */
  readonly socket: OpenSocket | undefined;
  /** Public, like `streams`, because another copy of this package may have opened the carrier. */
  readonly userId: string | undefined;
  readonly #sink: Sink;
  readonly #response: AnyResponse | undefined;
  /** By the numbers that the tabs' worker has given them. */
  readonly streams = new Map<number, ClientStream>();
  readonly #unused: NodeJS.Timeout;
  #drained: Promise<void> | undefined;
  #isOver = false;

  private constructor(userId: string | undefined, sink: Sink, response: AnyResponse | undefined) {
    this.#response = response;
    this.socket = response && socketOf(response);
    this.userId = userId;
    this.#sink = sink;
    this.#unused = inBackground(UNUSED_MS, () => this.close());
  }

  /** Opens one for this user. Returns undefined if too many wait for their first stream. */
  static open(userId: string | undefined, sink: Sink, response: AnyResponse | undefined): SharedCarrier | undefined {
    if (carriers.unused.size >= MOST_UNUSED) return undefined;
    const carrier = new SharedCarrier(userId, sink, response);
    carriers.all.set(carrier.key, carrier);
    carriers.unused.add(carrier.key);
    return carrier;
  }

  /**
   * Returns the first of these carriers that belongs to this process and this user. The browser may have another user by now, and a page
   * may know another user's key.
   */
  static of(keys: string[], userId: string | undefined, number: number): SharedCarrier | undefined {
    const mine = keys.map((key) => carriers.all.get(key));
    return mine.find((carrier) => carrier && carrier.userId === userId && !carrier.streams.has(number));
  }

  /** Ends a stream whose tab has gone. Returns whether this process has the carrier. */
  static leave(key: string, number: number): boolean {
    const carrier = carriers.all.get(key);
    carrier?.streams.get(number)?.close();
    return carrier !== undefined;
  }

  /** Returns the number of streams in its carrier, for each client whose stream has one. */
  static counts(): Map<string, number> {
    const each = [...carriers.all.values()].flatMap(({ streams }) =>
      [...streams.values()].map(({ clientId }) => [clientId, streams.size] as const),
    );
    return new Map(each);
  }

  /** Writes the first frame. Call it after the head. */
  greet(): void {
    if (!this.#isOver) this.#sink.write(GREETING);
  }

  /** Carries a stream until it ends. */
  add(number: number, stream: ClientStream): void {
    this.#use();
    this.streams.set(number, stream);
    void stream.pourBeside({
      write: (chunk) => this.#write(number, chunk),
      drained: () => this.#drained,
      end: () => this.#ended(number),
    });
  }

  /** Ends the response and its streams. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#use();
    carriers.all.delete(this.key);
    for (const stream of this.streams.values()) stream.close();
    if (this.#response) openUntilWritten(this.#response);
    this.#sink.end();
  }

  #use(): void {
    clearTimeout(this.#unused);
    carriers.unused.delete(this.key);
  }

  #write(number: number, chunk: Uint8Array): void {
    if (this.#isOver) return;
    const written = this.#sink.write(frame(number, chunk));
    this.#drained ??= this.#sink.drained(written)?.finally(() => {
      this.#drained = undefined;
    });
  }

  #ended(number: number): void {
    if (!this.streams.delete(number) || this.#isOver) return;
    this.#sink.write(frame(number));
    if (this.streams.size === 0) this.close();
  }
}

function frame(number: number, chunk: Uint8Array = new Uint8Array()): Uint8Array {
  return Buffer.concat([Buffer.from(`${number} ${chunk.length}\n`), chunk]);
}

interface Carriers {
  all: Map<string, SharedCarrier>;
  /** The keys of those that wait for their first stream. */
  unused: Set<string>;
}

/** One for all copies of this package in a JavaScript environment. The number is the version of the data that they share. */
const KEY = Symbol.for('ssekit.carriers.1');

const shared = globalThis as { [KEY]?: Carriers };

shared[KEY] ??= { all: new Map(), unused: new Set() };

const carriers: Carriers = shared[KEY];
