/** A client's stream on Node's side: opening bytes, then the handoff, else bytes as native code has them. */
import type { NativeStream, Streams } from '../../binding.js';
import { native } from './binding.js';
import { watchSigterm } from './drain.js';
import type { HandoffCandidate } from './handoff.js';
import type { ClientIdentity } from './identity.js';
import { openStreams } from './open-streams.js';
import { descriptorOf, hasTimedOut, type OpenSocket } from './sockets.js';

/** Bytes that are read at once; an event that is larger comes whole. */
const READ_BYTES = 64 * 1024;

/** A response that nobody has read from after this many milliseconds never will be: its handler failed. */
const UNOPENED_MS = 10_000;

/**
 * So many streams at most are read in one go, and after each go Node gets to whatever else there is to do: a broadcast to
 * thousands would otherwise hold its event loop until the last of them is written.
 */
const STREAMS_AT_ONCE = 128;

/** The native side of all streams, and who takes the chunks of which of them; `null` is a stream's end. */
interface Pulled {
  streams: Streams;
  takers: Map<number, (chunk: Uint8Array | null) => void>;
}

/**
 * One for all copies of this package in a JavaScript environment: nothing collects it, so each hot reload would leave one
 * behind. The number is the version of what copies of this package have to agree on.
 */
const KEY = Symbol.for('ssekit.streams.2');

const shared = globalThis as { [KEY]?: Pulled };

function pulled(): Pulled {
  shared[KEY] ??= watchStreams();
  return shared[KEY];
}

function watchStreams(): Pulled {
  const takers: Pulled['takers'] = new Map();
  const streams = new (native().Streams)(deliver);
  function deliver(): void {
    const { tokens, chunkOf, chunks, more } = streams.takeReadable(STREAMS_AT_ONCE, READ_BYTES);
    if (more) setImmediate(deliver);
    tokens.forEach((token, at) => {
      try {
        takers.get(token)?.(chunks[chunkOf[at] ?? -1] ?? null);
      } catch (error) {
        // Of one carrier. All others get what is theirs.
        void Promise.reject(error);
      }
    });
  }
  return { streams, takers };
}

/** What the stream's carrier gets from one read. */
export type Chunk = Uint8Array | 'end' | 'handed-off';

/** A carrier that takes what comes. */
export interface Sink {
  /** Says whether it wants more. */
  write(chunk: Uint8Array): boolean;
  /** Fulfilled when it does, after it has not. */
  drained(): Promise<void>;
  end(): void;
}

export class ClientStream {
  readonly clientId: string;
  readonly #takers: Pulled['takers'];
  readonly #native: NativeStream;
  #candidate: HandoffCandidate | undefined;
  #opening: Uint8Array | undefined;
  readonly #openingBytes: number;
  readonly #unopened: NodeJS.Timeout;
  /** While it may be what the stream ends of. */
  #socket: OpenSocket | undefined;
  #over = false;

  /** Connects the client: from here on it gets what is sent to it. `socket` is what carries it, if that is known. */
  constructor(identity: ClientIdentity, candidate?: HandoffCandidate, socket?: OpenSocket) {
    const { streams, takers } = pulled();
    const { userId, clientId, lastEventId, byUrl, address } = identity;
    this.#takers = takers;
    this.#native = streams.connect(userId, clientId, lastEventId, byUrl, address);
    const fd = descriptorOf(socket);
    if (fd !== undefined) this.#native.expectAnswers(fd);
    this.#socket = socket;
    openStreams().add();
    watchSigterm();
    this.clientId = this.#native.clientId;
    this.#candidate = candidate;
    this.#opening = this.#native.takeOpening();
    this.#openingBytes = this.#opening.length;
    this.#unopened = setTimeout(() => this.#native.closeUnopened(), UNOPENED_MS).unref();
  }

  /**
   * Carries the stream to its end, or to where its socket is handed off: every chunk goes to `sink` as soon as it is there, and
   * while that wants none they stay where they are.
   */
  async pourInto(sink: Sink): Promise<void> {
    if (!sink.write(this.#takeOpening())) await sink.drained();
    if (await this.#handOff()) return;
    if (this.#over) return sink.end();
    this.#takers.set(this.#native.token, (chunk) => this.#pass(chunk, sink));
    this.#native.flow();
  }

  #pass(chunk: Uint8Array | null, sink: Sink): void {
    if (chunk === null) {
      this.#end();
      sink.end();
      return;
    }
    try {
      if (sink.write(chunk)) return;
    } catch (error) {
      // What it was to write is lost, so the client must come back for it.
      this.close();
      throw error;
    }
    this.#native.pause();
    void sink.drained().then(() => {
      if (!this.#over) this.#native.flow();
    });
  }

  /**
   * The next bytes, for a carrier that asks for each. It must have passed on what it got before it reads again: the second read
   * is where the handoff is tried.
   */
  async read(): Promise<Chunk> {
    if (this.#opening) return this.#takeOpening();
    if (await this.#handOff()) return 'handed-off';
    if (!this.#over) {
      const chunk = this.#native.read(READ_BYTES);
      if (chunk?.length) return chunk;
      const next = chunk && (await this.#nextChunk());
      // A copy: these bytes are others' as well, and whoever reads a web stream may transfer what it gets.
      if (next) return new Uint8Array(next);
    }
    this.#end();
    return 'end';
  }

  #nextChunk(): Promise<Uint8Array | null> {
    return new Promise((resolve) => this.#takers.set(this.#native.token, resolve));
  }

  #takeOpening(): Uint8Array {
    clearTimeout(this.#unopened);
    const opening = this.#opening ?? new Uint8Array();
    this.#opening = undefined;
    return opening;
  }

  /** Tries the handoff, once. */
  async #handOff(): Promise<boolean> {
    const candidate = this.#candidate;
    this.#candidate = undefined;
    if (!(await candidate?.handOff(this.#native, this.#openingBytes))) return false;
    this.#end();
    return true;
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket = undefined;
    this.#takers.delete(this.#native.token);
    openStreams().remove();
  }

  /** The carrier's peer has gone. After a handoff that is what Node was made to believe, and means nothing. */
  close(): void {
    if (this.#over) return;
    const timedOut = hasTimedOut(this.#socket);
    const take = this.#takers.get(this.#native.token);
    this.#end();
    clearTimeout(this.#unopened);
    this.#native.close(timedOut);
    // Who waits for more is told that there is none.
    take?.(null);
  }
}
