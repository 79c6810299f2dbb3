/**
 * Moves a response's socket from Node to native code, once its head and its first bytes, and nothing else, are in the
 * kernel. From then on Node has neither the socket nor the stream; the framework sees an ordinary client abort.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import { native } from './binding.js';
import { descriptorOf, type OpenSocket } from './sockets.js';

/** A response with what Node does not document. Where it is otherwise, the response stays a stream. */
type OpenResponse = ServerResponse & { _header?: string | null };

/** The native side of a stream. */
interface HandsOff {
  handOff(fd: number, chunked: boolean): void;
}

/** A response that may be handed off once `opening` bytes of its body have been written. */
export class HandoffCandidate {
  readonly #response: OpenResponse;
  readonly #socket: OpenSocket;
  readonly #writtenBefore: number;

  private constructor(response: ServerResponse, socket: OpenSocket) {
    this.#response = response;
    this.#socket = socket;
    this.#writtenBefore = socket.bytesWritten;
  }

  /** Nothing of the response may have been written yet. `undefined`: this connection has to stay a stream. */
  static of(response: ServerResponse | undefined): HandoffCandidate | undefined {
    if (!response || !native().mayHandOff() || process.platform === 'win32') return undefined;
    const socket: OpenSocket | null = response.socket;
    const request: IncomingMessage | undefined = response.req;
    if (!socket || socket.encrypted || request?.httpVersionMajor !== 1) return undefined;
    if (descriptorOf(socket) === undefined) return undefined;
    return new HandoffCandidate(response, socket);
  }

  /** Waits until the opening is in the kernel, then hands off. False: the connection stays a stream. */
  async handOff(stream: HandsOff, opening: number): Promise<boolean> {
    for (const pause of pauses()) {
      const readiness = this.#readiness(opening);
      if (readiness === 'never') return false;
      if (readiness === 'now') return this.#handOffNow(stream);
      await delay(pause, undefined, { ref: false });
    }
    return false;
  }

  #readiness(opening: number): 'now' | 'later' | 'never' {
    const { _header: head, chunkedEncoding } = this.#response;
    const socket = this.#socket;
    if (socket.destroyed || !socket._handle || this.#response.writableEnded) return 'never';
    if (!this.#response.headersSent) return 'later';
    if (typeof head !== 'string' || !this.#isPlainEventStream()) return 'never';
    const framing = chunkedEncoding ? opening.toString(16).length + 4 : 0;
    const expected = Buffer.byteLength(head, 'latin1') + framing + opening;
    const written = socket.bytesWritten - this.#writtenBefore;
    // More than the head and the opening, or other bytes of another length: somebody transforms the body.
    if (written > expected) return 'never';
    const flushed = socket.writableLength === 0 && this.#response.writableLength === 0;
    return flushed && socket._handle.writeQueueSize === 0 && written === expected ? 'now' : 'later';
  }

  /** Whether what the framework has sent is our response, and its framing is what native code goes on with. */
  #isPlainEventStream(): boolean {
    const response = this.#response;
    return (
      response.statusCode === 200 &&
      String(response.getHeader('content-type')).startsWith('text/event-stream') &&
      !response.hasHeader('content-encoding') &&
      !response.hasHeader('content-length')
    );
  }

  #handOffNow(stream: HandsOff): boolean {
    const { _handle: handle } = this.#socket;
    const fd = descriptorOf(this.#socket);
    if (!handle || fd === undefined) return false;
    try {
      // What the peer sends from here on is for native code to see.
      handle.readStop?.();
      stream.handOff(fd, this.#response.chunkedEncoding);
    } catch {
      // Out of descriptors, for instance: it stays a stream. The socket knows of no pause, so `resume` would do nothing.
      handle.readStart?.();
      return false;
    }
    this.#socket.destroy();
    return true;
  }
}

/** Milliseconds between two looks: at once first, since Node usually writes at once; at most about two seconds in all. */
function* pauses(): Generator<number> {
  for (let look = 0; look < 8; look += 1) yield 0;
  for (let pause = 1; pause <= 1024; pause *= 2) yield pause;
}
