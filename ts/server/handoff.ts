/**
 * Moves a response's socket from Node to native code. First it must be certain that this response carries this stream and
 * nothing else: its head and its first bytes are in the kernel, nothing between us and the socket can change later bytes, and
 * the request is over.
 */
import { getEventListeners } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import type { NotHandedOffReason } from '../../index';
import { native } from './binding.js';
import { descriptorOf, type OpenSocket } from './sockets.js';
import { type Target, writeThrough } from './write-path.js';

/** Why a stream stays with Node. */
export type Reason = NotHandedOffReason;

/** A response with Node's undocumented properties. If they differ, the response stays a stream. */
type OpenResponse = ServerResponse & { _header?: string | null; _headerSent?: boolean };

/** The treatment of a socket that may be moved. */
export interface Move {
  /** Whether somebody waits for the response's end. Then the response lives on in Node, without the stream's bytes. */
  keeps(): boolean;
  /** Gives the descriptor to native code, or throws. */
  handOff(fd: number, chunked: boolean, kept: boolean): void;
}

/** A response that may be handed off once the opening of its body has been written. */
export class HandoffCandidate {
  readonly #response: OpenResponse;
  readonly #socket: OpenSocket;
  readonly #writtenBefore: number;
  readonly #headSentBefore: boolean;
  /** `response` until the opening is seen to arrive there. */
  #obstacle: Reason | undefined = 'response';
  #openingBytes = 0;
  /** The function that wrote the opening. */
  #write: ServerResponse['write'] | undefined;

  private constructor(response: ServerResponse, socket: OpenSocket) {
    this.#response = response;
    this.#socket = socket;
    this.#writtenBefore = socket.bytesWritten;
    this.#headSentBefore = this.#response._headerSent === true;
  }

  /**
   * Returns a candidate, or the reason why this response must stay a stream. Nothing of its body may have been written yet.
   */
  static of(response: ServerResponse | undefined): HandoffCandidate | Reason {
    if (process.platform === 'win32' || !native().mayHandOff()) return 'transport';
    if (!response) return 'response';
    const socket: OpenSocket | null = response.socket;
    if (!socket) return 'response';
    if (response.req?.httpVersionMajor !== 1 || !isPlain(socket)) return 'protocol';
    if (isWrapped(socket)) return 'wrapped';
    return new HandoffCandidate(response, socket);
  }

  get response(): ServerResponse {
    return this.#response;
  }

  /** Writes the opening. Finds out what the opening passes on its way, and whether it reaches this response. */
  open(target: Target, opening: Uint8Array): unknown {
    const { result, obstacle } = writeThrough(target, opening);
    this.#openingBytes = opening.length;
    this.#write = this.#response.write;
    // Everything happened in that one call, so the socket's new bytes are the opening.
    this.#obstacle = obstacle ?? (this.#written() === this.#expected() ? undefined : 'response');
    return result;
  }

  /** Whether it is certain that this response got the opening. */
  get isProven(): boolean {
    return this.#obstacle === undefined;
  }

  /** Waits until the opening is in the kernel, then hands off. If the connection stays a stream, returns the reason. */
  async handOff(move: Move): Promise<Reason | undefined> {
    if (this.#obstacle) return this.#obstacle;
    let waitsFor: Reason = 'bytes';
    for (const pause of pauses()) {
      const { never, later } = this.#readiness();
      if (never) return never;
      if (!later) return this.#handOffNow(move);
      // The rest of a request may take as long as its sender likes. Events do not wait for it.
      if (later === 'request' && pause > 0) return later;
      waitsFor = later;
      await delay(pause, undefined, { ref: false });
    }
    return waitsFor;
  }

  #readiness(): { never?: Reason; later?: Reason } {
    const response = this.#response;
    const socket = this.#socket;
    if (socket.destroyed || !socket._handle || response.writableEnded) return { never: 'bytes' };
    if (response.write !== this.#write || isWrapped(socket)) return { never: 'wrapped' };
    if (!isPlainEventStream(response)) return { never: 'head' };
    const [written, expected] = [this.#written(), this.#expected()];
    if (written !== expected) return { never: 'bytes' };
    // Native code would take the rest of a request's body for noise, or would cut off its sender (RFC 9112, section 6.3).
    const { complete, readableEnded, readableLength } = response.req;
    if (!complete || (!readableEnded && readableLength > 0)) return { later: 'request' };
    const flushed = socket.writableLength === 0 && response.writableLength === 0 && socket._handle.writeQueueSize === 0;
    return flushed ? {} : { later: 'bytes' };
  }

  #written(): number {
    return this.#socket.bytesWritten - this.#writtenBefore;
  }

  /** The size of the opening as one chunk, and of the head unless it was sent before. */
  #expected(): number {
    const { _header: head, chunkedEncoding } = this.#response;
    if (typeof head !== 'string') return Number.NaN;
    const framing = chunkedEncoding ? this.#openingBytes.toString(16).length + 4 : 0;
    return (this.#headSentBefore ? 0 : Buffer.byteLength(head, 'latin1')) + framing + this.#openingBytes;
  }

  #handOffNow(move: Move): Reason | undefined {
    const socket = this.#socket;
    const { _handle: handle } = socket;
    const fd = descriptorOf(socket);
    if (!handle || fd === undefined) return 'system';
    const keep = move.keeps();
    try {
      // From now on native code reads what the peer sends.
      handle.readStop?.();
      move.handOff(fd, this.#response.chunkedEncoding, keep);
    } catch {
      // The process may be out of descriptors; the connection stays a stream. The socket does not know that it was paused, so
      // `resume` would do nothing.
      handle.readStart?.();
      return 'system';
    }
    letGo(socket, keep);
    return undefined;
  }
}

/** Ends Node's part in a socket that native code has. `keep`: its response lives on. */
export function letGo(socket: OpenSocket, keep: boolean): void {
  if (keep) silence(socket);
  else socket.destroy();
}

/** Whether this is one of Node's own plain sockets, with a descriptor. */
export function isPlain(socket: OpenSocket): boolean {
  return !socket.encrypted && Object.getPrototypeOf(socket) === Socket.prototype && descriptorOf(socket) !== undefined;
}

/** The methods that a socket's bytes go through. */
const PATHS = ['write', '_write', '_writev', '_writeGeneric', 'end', 'destroy'];

/** Whether somebody stands between Node and this socket. `methods`: on the way of what it brings, for instance. */
export function isWrapped(socket: OpenSocket, methods: readonly string[] = PATHS): boolean {
  return methods.some((name) => Object.hasOwn(socket, name));
}

/** Whether the head that was sent is our response's head, and native code can continue its framing. */
function isPlainEventStream({ _header: head }: OpenResponse): boolean {
  return (
    typeof head === 'string' &&
    /^HTTP\/1\.1 200 /.test(head) &&
    /\r\ncontent-type: *text\/event-stream/i.test(head) &&
    !/\r\n(content-encoding|content-length):/i.test(head)
  );
}

/**
 * Keeps Node from writing to a connection that native code writes to. Otherwise the two would cut into each other's events.
 */
function silence(socket: OpenSocket): void {
  socket.setTimeout(0);
  socket.write = (_chunk: unknown, encoding?: unknown, callback?: unknown): boolean => {
    const done = typeof encoding === 'function' ? encoding : callback;
    if (typeof done === 'function') process.nextTick(done);
    return true;
  };
}

/** The number of listeners that wait for the abort of this signal. Signals of happy-dom do not show theirs. */
export function listenersOf(signal: AbortSignal | undefined): number {
  try {
    return signal ? getEventListeners(signal, 'abort').length : 0;
  } catch {
    return 0;
  }
}

/**
 * Milliseconds between two checks. The first checks follow at once, because Node usually writes at once. All pauses together
 * take about two seconds at most.
 */
function* pauses(): Generator<number> {
  for (let look = 0; look < 8; look += 1) yield 0;
  for (let pause = 1; pause <= 1024; pause *= 2) yield pause;
}
