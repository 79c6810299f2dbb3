/** Removes a content coding from a stream: every byte is passed on as soon as it can be known. */
import { pipeline, type Readable } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';

const FLUSH = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };
const FLUSH_BROTLI = {
  flush: constants.BROTLI_OPERATION_FLUSH,
  finishFlush: constants.BROTLI_OPERATION_FLUSH,
};

const DECODERS: Record<string, () => ReturnType<typeof createGunzip>> = {
  gzip: () => createGunzip(FLUSH),
  'x-gzip': () => createGunzip(FLUSH),
  deflate: () => createInflate(FLUSH),
  br: () => createBrotliDecompress(FLUSH_BROTLI),
};

/** The codings that `decoded` removes, for `Accept-Encoding`. */
export const CODINGS = 'gzip, deflate, br';

/** The body before it was encoded. `undefined` if its coding is unknown here. */
export function decoded(body: Readable, coding: string | undefined): Readable | undefined {
  if (!coding || coding === 'identity') return body;
  const decoder = DECODERS[coding.toLowerCase()]?.();
  if (!decoder) return undefined;
  // The reader of the decoder learns about errors of either stream.
  return pipeline(body, decoder, () => {});
}
