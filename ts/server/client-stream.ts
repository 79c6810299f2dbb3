/**
 * A client's stream on Node's side: first the opening bytes, then the handoff. Without a handoff, Node carries the bytes as
 * native code has them.
 */
import type { ServerResponse } from 'node:http';

import type { NativeStream } from '../../binding.js';
import { inBackground } from './background.js';
import { whenDisconnected } from './disconnected.js';
import { watchSigterm } from './drain.js';
import type { AnyResponse } from './exchange.js';
import { HandoffCandidate, type Reason } from './handoff.js';
import type { ClientIdentity } from './identity.js';
import { openStreams, openUntilWritten } from './open-streams.js';
import { type Pulled, pulled, READ_BYTES } from './pulled.js';
import { descriptorOf, hasTimedOut, type OpenSocket } from './sockets.js';
import type { Target } from './write-path.js';

/** If nobody reads a response within this many milliseconds, nobody ever will, because its handler failed. */
const UNOPENED_MS = 10_000;

/** Where a stream's chunks go. */
export interface Sink extends Target {
  /**
   * Fulfilled when the sink wants more; undefined if it wants more now. Called after each write, with the value that the
   * write returned.
   */
  drained(written: unknown): Promise<void> | undefined;
  end(): void;
}

/** The facts that a stream needs about its carrier. */
export interface Carrier {
  /** The socket, if it is known. */
  socket: OpenSocket | undefined;
  /** The response that ends with the stream, as far as it is known. */
  response?: AnyResponse;
  /** Whether the application waits for the end of the response or of the request. Then both outlive a handoff. */
  isWatched(): boolean;
  /** Called once when the client is gone, no matter what carried its stream last. */
  onClose: (() => void) | undefined;
}

/** The carrier of the stream: Node, native code, or nobody any more. */
type Holder = 'node' | 'native' | 'nobody';

export class ClientStream {
  readonly clientId: string;
  readonly #pulled: Pulled;
  readonly #native: NativeStream;
  readonly #carrier: Carrier;
  readonly #unopened: NodeJS.Timeout;
  #opening: Uint8Array | undefined;
  #holder: Holder = 'node';
  /** The response that is proven to carry the stream. */
  #proven: ServerResponse | undefined;
  /** The response that outlives the handoff. */
  #kept: ServerResponse | undefined;

  /** Connects the client: from now on it gets the events sent to it. */
  constructor(identity: ClientIdentity, carrier: Carrier) {
    this.#pulled = pulled();
    this.#native = this.#pulled.connect(identity);
    this.#carrier = carrier;
    const fd = descriptorOf(carrier.socket);
    if (fd !== undefined) this.#native.expectAnswers(fd);
    openStreams().add(this);
    watchSigterm();
    this.clientId = this.#native.clientId;
    this.#opening = this.#native.takeOpening();
    this.#unopened = inBackground(UNOPENED_MS, () => this.#giveUp());
  }

  /**
   * Carries the stream to its end, or until its socket is handed off. Every chunk goes to `sink` as soon as it exists. While
   * `sink` wants no more, chunks stay in the log.
   */
  async pourInto(sink: Sink, response: ServerResponse | undefined): Promise<void> {
    // The opening bypasses the sink, because not even our own code may be between us and the response.
    await this.#open(response ?? sink, response, (written) => sink.drained(written));
    if (this.#holder !== 'native') this.#flowInto(sink);
  }

  /** Carries the stream to its end within a response that carries others as well. */
  async pourBeside(sink: Sink): Promise<void> {
    await sink.drained(sink.write(this.#takeOpening()));
    this.#stays('shared');
    this.#flowInto(sink);
  }

  #flowInto(sink: Sink): void {
    if (this.#holder === 'nobody') {
      sink.end();
      return;
    }
    this.#pulled.takers.set(this.#native.token, (chunk) => this.#pass(chunk, sink));
    this.#native.flow();
  }

  #pass(chunk: Uint8Array | null, sink: Sink): void {
    if (chunk === null) {
      this.#end();
      sink.end();
      return;
    }
    openStreams().passed += 1;
    let drained: Promise<void> | undefined;
    try {
      drained = sink.drained(sink.write(chunk));
    } catch (error) {
      // The chunk is lost, so the client must reconnect to get it.
      this.close();
      throw error;
    }
    if (!drained) return;
    this.#native.pause();
    void drained.then(() => {
      if (this.#holder === 'node') this.#native.flow();
    });
  }

  /**
   * Writes the opening to the sink of a web stream. Hands the socket over if it is proven to belong to `response`. Otherwise
   * Node reads and carries the rest.
   */
  async openInto(writer: Target, response: ServerResponse | undefined): Promise<void> {
    if (!this.#opening) return;
    await this.#open(
      writer,
      response,
      (written) => written as Promise<void>,
      // Only now is it certain which response's end is the client's end.
      (proven) => {
        this.#proven = proven;
        whenDisconnected(proven, () => this.close());
      },
    );
  }

  /**
   * The next bytes, for a carrier that asks for each chunk; undefined at the end. After a handoff the promise stays pending.
   */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#opening) {
      // A carrier that reads chunks itself may change them before it writes them.
      this.#native.stays('body');
      return this.#takeOpening();
    }
    if (this.#holder === 'native') return new Promise(() => {});
    if (this.#holder === 'node') {
      openStreams().passed += 1;
      const chunk = this.#native.read(READ_BYTES);
      if (chunk?.length) return chunk;
      const next = chunk && (await this.#nextChunk());
      // A copy, because other streams share these bytes and a reader of a web stream may transfer them.
      if (next) return new Uint8Array(next);
    }
    this.#end();
    return undefined;
  }

  #nextChunk(): Promise<Uint8Array | null> {
    return new Promise((resolve) => this.#pulled.takers.set(this.#native.token, resolve));
  }

  #takeOpening(): Uint8Array {
    clearTimeout(this.#unopened);
    const opening = this.#opening ?? new Uint8Array();
    this.#opening = undefined;
    return opening;
  }

  /** Writes the opening, and tries the handoff once. */
  async #open(
    target: Target,
    response: ServerResponse | undefined,
    drained: (written: unknown) => Promise<void> | undefined,
    onProven?: (response: ServerResponse) => void,
  ): Promise<void> {
    const opening = this.#takeOpening();
    const candidate = HandoffCandidate.of(response);
    if (!(candidate instanceof HandoffCandidate)) {
      await drained(target.write(opening));
      this.#stays(candidate);
      return;
    }
    const written = candidate.open(target, opening);
    if (candidate.isProven) onProven?.(candidate.response);
    await drained(written);
    const reason = await candidate.handOff({
      keeps: () => this.#carrier.isWatched(),
      handOff: (fd, chunked, kept) => this.#handOff(candidate, fd, chunked, kept),
    });
    if (reason) this.#stays(reason);
  }

  #handOff(candidate: HandoffCandidate, fd: number, chunked: boolean, kept: boolean): void {
    const { token } = this.#native;
    const isWatched = kept || this.#carrier.onClose !== undefined;
    // Set before the call, because native code may be done with the socket before the call returns.
    if (isWatched) this.#pulled.watchers.set(token, () => this.#finish());
    try {
      this.#native.handOff(fd, chunked, isWatched);
    } catch (error) {
      this.#pulled.watchers.delete(token);
      throw error;
    }
    if (kept) this.#kept = candidate.response;
    this.#leaveNode('native');
  }

  #stays(reason: Reason): void {
    // A client that is gone by now needs no reason.
    if (this.#holder === 'node') this.#native.stays(reason);
  }

  #leaveNode(holder: Holder): void {
    this.#holder = holder;
    this.#pulled.takers.delete(this.#native.token);
    openStreams().remove(this);
  }

  /** Everything has been read. */
  #end(): void {
    const { response } = this.#carrier;
    if (response && this.#holder === 'node') openUntilWritten(response);
    this.#finish();
  }

  /** The client is gone. */
  #finish(): void {
    if (this.#holder === 'nobody') return;
    if (this.#holder === 'node') this.#leaveNode('nobody');
    else this.#holder = 'nobody';
    clearTimeout(this.#unopened);
    this.#pulled.watchers.delete(this.#native.token);
    this.#kept?.destroy();
    this.#kept = undefined;
    try {
      this.#carrier.onClose?.();
    } catch (error) {
      // This is the application's own error. It must not affect other streams.
      void Promise.reject(error);
    }
  }

  #giveUp(): void {
    this.#native.closeUnopened();
    this.#finish();
  }

  /** Called when the peer is gone from a response that is likely to carry the stream. */
  closeUnlessElsewhere(response: ServerResponse): void {
    if (!this.#proven || this.#proven === response) this.close();
  }

  /**
   * Called when the carrier's peer is gone. After a handoff, Node reports this because its own socket was closed, unless the
   * response was kept.
   */
  close(): void {
    if (this.#holder === 'nobody' || (this.#holder === 'native' && !this.#kept)) return;
    if (this.#holder === 'native') {
      this.#native.closeHandedOff();
      this.#finish();
      return;
    }
    const timedOut = hasTimedOut(this.#carrier.socket);
    const take = this.#pulled.takers.get(this.#native.token);
    this.#finish();
    this.#native.close(timedOut);
    // Tells a waiting reader that the stream has ended.
    take?.(null);
  }
}
