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

/** The native side of all streams, and who waits for which of them to be readable. */
interface Pulled {
  streams: Streams;
  waiting: Map<number, () => void>;
}

/**
 * One for all copies of this package in a JavaScript environment: nothing collects it, so each hot reload would leave one
 * behind. The number is the version of what copies of this package have to agree on.
 */
const KEY = Symbol.for('ssekit.streams.1');

const shared = globalThis as { [KEY]?: Pulled };

function pulled(): Pulled {
  shared[KEY] ??= watchStreams();
  return shared[KEY];
}

function watchStreams(): Pulled {
  const waiting = new Map<number, () => void>();
  const streams = new (native().Streams)(() => {
    for (const token of streams.takeReadable()) {
      const resume = waiting.get(token);
      waiting.delete(token);
      resume?.();
    }
  });
  return { streams, waiting };
}

/** What the stream's carrier gets from one read. */
export type Chunk = Uint8Array | 'end' | 'handed-off';

export class ClientStream {
  readonly clientId: string;
  readonly #waiting: Pulled['waiting'];
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
    const { streams, waiting } = pulled();
    const { userId, clientId, lastEventId, address } = identity;
    this.#waiting = waiting;
    this.#native = streams.connect(userId, clientId, lastEventId, address);
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
   * The next bytes. The carrier must have passed on what it got before it reads again: the second read is where the
   * handoff is tried.
   */
  async read(): Promise<Chunk> {
    if (this.#opening) {
      clearTimeout(this.#unopened);
      const opening = this.#opening;
      this.#opening = undefined;
      return opening;
    }
    const candidate = this.#candidate;
    this.#candidate = undefined;
    if (await candidate?.handOff(this.#native, this.#openingBytes)) {
      this.#end();
      return 'handed-off';
    }
    return this.#readStream();
  }

  async #readStream(): Promise<Chunk> {
    while (!this.#over) {
      const bytes = this.#native.read(READ_BYTES);
      if (bytes === null) break;
      if (bytes.length > 0) return bytes;
      await new Promise<void>((resolve) => this.#waiting.set(this.#native.token, resolve));
    }
    this.#end();
    return 'end';
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket = undefined;
    openStreams().remove();
  }

  /** The carrier's peer has gone. After a handoff that is what Node was made to believe, and means nothing. */
  close(): void {
    if (this.#over) return;
    const timedOut = hasTimedOut(this.#socket);
    this.#end();
    clearTimeout(this.#unopened);
    this.#native.close(timedOut);
    // Who waits for more is told that there is none.
    this.#waiting.get(this.#native.token)?.();
    this.#waiting.delete(this.#native.token);
  }
}
