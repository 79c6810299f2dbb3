/** The streams of a test's clients, read together as `ts/server/pulled.ts` reads those of pages. */
import type * as Binding from '../../../binding.js';
import type { NativeStream, Streams } from '../../../binding.js';
import type { ClientIdentity } from '../../server/identity.js';

const READ_BYTES = 64 * 1024;
const STREAMS_AT_ONCE = 128;

export class TestStreams {
  readonly #binding: typeof Binding;
  #streams: Streams | undefined;
  readonly #takers = new Map<number, { stream: NativeStream; take(chunk: Uint8Array | null): void }>();

  constructor(binding: typeof Binding) {
    this.#binding = binding;
  }

  /** `take` gets the chunks that come while nobody reads, and `null` at the end. */
  open(identity: ClientIdentity, take: (chunk: Uint8Array | null) => void): NativeStream {
    this.#streams ??= new this.#binding.Streams(() => this.#deliver());
    const stream = this.#streams.connect(identity);
    this.#takers.set(stream.token, { stream, take });
    return stream;
  }

  /** Cuts all of them, and lets go of native code, which otherwise holds on to this. */
  close(): void {
    for (const { stream } of this.#takers.values()) stream.close(false);
    this.#takers.clear();
    this.#streams?.close();
    this.#streams = undefined;
  }

  #deliver(): void {
    if (!this.#streams) return;
    const { tokens, chunkOf, chunks, more } = this.#streams.takeReadable(STREAMS_AT_ONCE, READ_BYTES);
    tokens.forEach((token, at) => {
      this.#takers.get(token)?.take(chunks[chunkOf[at] ?? -1] ?? null);
    });
    if (more) queueMicrotask(() => this.#deliver());
  }
}
