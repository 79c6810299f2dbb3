/** Reads all streams that Node carries together. */
import { setImmediate } from 'node:timers';

import type { Asked, NativeStream, Returning, Streams } from '../../binding.js';
import { native } from './binding.js';

/** The maximum number of bytes that one read takes. A larger event comes whole. */
export const READ_BYTES = 64 * 1024;

/**
 * The maximum number of streams read in one go. After each go Node can do other work; otherwise a broadcast to thousands would hold
 * its event loop until the last stream is written.
 */
const STREAMS_AT_ONCE = 128;

/** The native side of all streams, and the taker of each stream's chunks. `null` is the end of a stream. */
export interface Pulled {
  /** Connects a client. */
  connect(asked: Asked): NativeStream;
  /** Whether a request brings a ticket by which it would get its stream back. */
  knows(target: string, headers: string[]): boolean;
  /** Gives a page its stream back. Returns a token, -1 if the application has to be asked, or -2 if `catchUp` comes first. */
  resume(from: Returning): number;
  /** The same for a connection of which Node has read nothing. */
  resumeUnread(fd: number, hasTickets: (path: string) => boolean): number;
  /** Disconnects the client of a watched stream that was resumed. */
  closeResumed(token: number): void;
  takers: Map<number, (chunk: Uint8Array | null) => void>;
  /** Called when native code has closed the socket of a watched stream. */
  watchers: Map<number, () => void>;
  /** Lets go of native code, which otherwise holds on to all of this. */
  close(): void;
}

/**
 * One for all copies of this package in a JavaScript environment, and for each addon: a test may put another in its place. It is never
 * collected, so each hot reload would leave one behind. The number is the version of the data that the copies share.
 */
const KEY = Symbol.for('ssekit.streams.6');

const shared = globalThis as { [KEY]?: Map<object, Pulled> };

export function pulled(): Pulled {
  shared[KEY] ??= new Map();
  const binding = native();
  const known = shared[KEY].get(binding);
  if (known) return known;
  const pulled = watchStreams(binding);
  shared[KEY].set(binding, pulled);
  return pulled;
}

/** Lets go of native code, at the end of a test file. Later streams begin anew. */
export function closePulled(): void {
  for (const pulled of shared[KEY]?.values() ?? []) pulled.close();
  shared[KEY]?.clear();
}

function watchStreams(binding: ReturnType<typeof native>): Pulled {
  const takers: Pulled['takers'] = new Map();
  const watchers: Pulled['watchers'] = new Map();
  let streams: Streams | undefined = new binding.Streams(deliver);
  function deliver(): void {
    if (!streams) return;
    const { tokens, chunkOf, chunks, more, gone } = streams.takeReadable(STREAMS_AT_ONCE, READ_BYTES);
    if (more) setImmediate(deliver);
    for (const token of gone) watchers.get(token)?.();
    tokens.forEach((token, at) => {
      try {
        takers.get(token)?.(chunks[chunkOf[at] ?? -1] ?? null);
      } catch (error) {
        // One carrier has failed. All others still get their chunks.
        void Promise.reject(error);
      }
    });
  }
  const all = (): Streams => {
    streams ??= new binding.Streams(deliver);
    return streams;
  };
  return {
    connect: (asked) => all().connect(asked),
    knows: (target, headers) => all().knows(target, headers),
    resume: (from) => all().resume(from),
    resumeUnread: (fd, hasTickets) => all().resumeUnread(fd, hasTickets),
    closeResumed: (token) => streams?.closeResumed(token),
    takers,
    watchers,
    close() {
      streams?.close();
      streams = undefined;
    },
  };
}
