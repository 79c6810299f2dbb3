/** The streams that Node carries, read together. */
import type { Streams } from '../../binding.js';
import { native } from './binding.js';

/** Bytes that are read at once; an event that is larger comes whole. */
export const READ_BYTES = 64 * 1024;

/**
 * So many streams at most are read in one go, and after each go Node gets to whatever else there is to do: a broadcast to
 * thousands would otherwise hold its event loop until the last of them is written.
 */
const STREAMS_AT_ONCE = 128;

/** The native side of all streams, and who takes the chunks of which of them; `null` is a stream's end. */
export interface Pulled {
  streams: Streams;
  takers: Map<number, (chunk: Uint8Array | null) => void>;
  /** Called when native code has closed the socket of a watched stream. */
  watchers: Map<number, () => void>;
}

/**
 * One for all copies of this package in a JavaScript environment: nothing collects it, so each hot reload would leave one
 * behind. The number is the version of what copies of this package have to agree on.
 */
const KEY = Symbol.for('ssekit.streams.3');

const shared = globalThis as { [KEY]?: Pulled };

export function pulled(): Pulled {
  shared[KEY] ??= watchStreams();
  return shared[KEY];
}

function watchStreams(): Pulled {
  const takers: Pulled['takers'] = new Map();
  const watchers: Pulled['watchers'] = new Map();
  const streams = new (native().Streams)(deliver);
  function deliver(): void {
    const { tokens, chunkOf, chunks, more, gone } = streams.takeReadable(STREAMS_AT_ONCE, READ_BYTES);
    if (more) setImmediate(deliver);
    for (const token of gone) watchers.get(token)?.();
    tokens.forEach((token, at) => {
      try {
        takers.get(token)?.(chunks[chunkOf[at] ?? -1] ?? null);
      } catch (error) {
        // Of one carrier. All others get what is theirs.
        void Promise.reject(error);
      }
    });
  }
  return { streams, takers, watchers };
}
