/** The streams of clients, as Node carries them. They have the shape of native code's, so everything above them is the same. */
import type { Asked, NativeStream, Streams as NativeStreams, Readable } from '../../../binding.js';
import type { Client } from './client.js';
import type { FakeHub } from './fake-hub.js';

/** Beyond every chunk: the stream has ended. */
const NO_CHUNK = 2 ** 32 - 1;

/** The counters of streams. */
export interface Written {
  deliveries: number;
  bytes: number;
  heartbeats: number;
  resets: number;
}

/** All streams of a fake: their hub may be replaced by another. */
export class Carriers {
  readonly #all = new Set<FakeStreams>();

  add(streams: FakeStreams): void {
    this.#all.add(streams);
  }

  /** Clients may have something to read. */
  wake(): void {
    for (const streams of this.#all) streams.wake();
  }
}

export class FakeStreams implements Omit<NativeStreams, never> {
  readonly #hub: () => FakeHub;
  readonly #onReadable: () => void;
  readonly #written: Written;
  readonly #waiting = new Set<FakeStream>();
  #tokens = 0;
  #isTold = false;
  #isClosed = false;

  constructor(hub: () => FakeHub, written: Written, onReadable: () => void) {
    this.#hub = hub;
    this.#written = written;
    this.#onReadable = onReadable;
  }

  connect(asked: Asked): NativeStream {
    const hub = this.#hub();
    const { client, opening } = hub.connect(asked);
    this.#tokens += 1;
    return new FakeStream(this.#tokens, client, opening, hub, this.#written, this.#waiting, () => this.wake());
  }

  /** There are no tickets, because no socket could be taken over. */
  knows(): boolean {
    return false;
  }

  resume(): number {
    return -1;
  }

  resumeUnread(): number {
    return -1;
  }

  closeResumed(): void {}

  close(): void {
    this.#isClosed = true;
    this.#waiting.clear();
  }

  wake(): void {
    if (this.#isClosed || this.#isTold || ![...this.#waiting].some((stream) => stream.hasNews)) return;
    this.#isTold = true;
    queueMicrotask(() => {
      this.#isTold = false;
      this.#onReadable();
    });
  }

  takeReadable(maxStreams: number, maxBytes: number): Readable {
    const readable = [...this.#waiting].filter((stream) => stream.hasNews);
    const taken: Readable = { tokens: [], chunkOf: [], chunks: [], more: readable.length > maxStreams, gone: [] };
    for (const stream of readable.slice(0, maxStreams)) {
      const chunk = stream.take(maxBytes);
      if (chunk?.length === 0) continue;
      taken.tokens.push(stream.token);
      taken.chunkOf.push(chunk === null ? NO_CHUNK : taken.chunks.push(chunk) - 1);
    }
    // The next read takes the rest.
    this.wake();
    return taken;
  }
}

class FakeStream implements NativeStream {
  #opening: string | undefined;
  #flows = false;
  #isOver = false;

  constructor(
    readonly token: number,
    readonly client: Client,
    opening: string,
    readonly hub: FakeHub,
    readonly written: Written,
    readonly waiting: Set<FakeStream>,
    readonly wake: () => void,
  ) {
    this.#opening = opening;
  }

  get clientId(): string {
    return this.client.info.id;
  }

  get hasNews(): boolean {
    return !this.#isOver && (this.client.hasNews || !this.client.isConnected);
  }

  takeOpening(): Buffer {
    const opening = Buffer.from(this.#opening ?? '');
    this.#opening = undefined;
    this.written.bytes += opening.length;
    return opening;
  }

  read(maxBytes: number): Buffer | null {
    const chunk = this.#read(maxBytes);
    if (chunk?.length === 0) {
      this.waiting.add(this);
      this.wake();
    }
    return chunk;
  }

  /** The same, for a stream that waits. */
  take(maxBytes: number): Buffer | null {
    const chunk = this.#read(maxBytes);
    if (chunk === null || (chunk.length > 0 && !this.#flows)) this.waiting.delete(this);
    return chunk;
  }

  #read(maxBytes: number): Buffer | null {
    if (this.#isOver) return null;
    if (this.client.isConnected) this.client.transport = 'stream';
    const read = this.client.read(maxBytes);
    if (read) {
      const chunk = Buffer.from(read.text);
      this.written.deliveries += read.events;
      this.written.resets += read.resets;
      this.written.bytes += chunk.length;
      if (read.isBeat) this.written.heartbeats += 1;
      return chunk;
    }
    if (this.client.isConnected) return Buffer.alloc(0);
    this.#isOver = true;
    return null;
  }

  flow(): void {
    this.#flows = true;
    this.client.transport = 'stream';
    this.waiting.add(this);
    this.wake();
  }

  pause(): void {
    this.#flows = false;
    this.waiting.delete(this);
  }

  /** Never called: `mayHandOff` says no. */
  handOff(): void {}

  stays(): void {
    this.client.transport = 'stream';
  }

  closeHandedOff(): void {
    this.#close('peer');
  }

  expectAnswers(): void {}

  closeUnopened(): void {
    this.#close('unopened');
  }

  close(timedOut: boolean): void {
    this.#close(timedOut ? 'timeout' : 'peer');
  }

  #close(reason: 'peer' | 'unopened' | 'timeout'): void {
    this.#isOver = true;
    this.waiting.delete(this);
    this.hub.closed(this.client, reason);
  }
}
