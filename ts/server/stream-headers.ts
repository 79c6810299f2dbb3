/** The headers of an event stream. */
import type { ConnectOptions } from '../../index';
import { argumentError } from './errors.js';

/**
 * What makes a response an event stream that arrives as it is sent. `no-transform` keeps Next.js and proxies from compressing
 * it (RFC 9111, section 5.2.2.6), `X-Accel-Buffering` keeps nginx from collecting it.
 */
export const STREAM_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/** The headers of the response: the caller's, then those that it cannot do without. */
export function streamHeaders(own: ConnectOptions['headers']): Headers {
  const headers = new Headers();
  for (const [name, value] of pairsOf(own)) headers.append(name, value);
  for (const [name, value] of Object.entries(STREAM_HEADERS)) headers.set(name, value);
  for (const name of ['content-length', 'content-encoding', 'transfer-encoding']) headers.delete(name);
  return headers;
}

/** Each header as a name and one text. An array is several headers of that name: cookies cannot be joined by a comma. */
function* pairsOf(own: ConnectOptions['headers']): Generator<[string, string]> {
  if (own === undefined || own === null) return;
  if (typeof own !== 'object') throw argumentError('headers', own, WANTS);
  for (const pair of Symbol.iterator in own ? own : Object.entries(own)) {
    if (!Array.isArray(pair) || pair.length !== 2) throw argumentError('headers', pair, WANTS);
    const [name, value] = pair as [string, unknown];
    for (const one of Array.isArray(value) ? value : [value]) {
      // Nothing was given: `undefined` as text is nobody's header.
      if (one === undefined || one === null) continue;
      if (!TEXTS.includes(typeof one)) throw argumentError(`headers.${name}`, one, 'a string');
      yield [name, String(one)];
    }
  }
}

const WANTS = 'an object, a Headers, or an array of names and values';

/** What is the same text to everybody. */
const TEXTS = ['string', 'number', 'bigint', 'boolean'];

/** How undici, which is Node's own `fetch`, calls itself. */
const UNDICI = /^(node|undici)\b/i;

/**
 * Keeps a client or a proxy from sending another request over the stream's connection (RFC 9112, section 9.6): its socket may
 * leave Node, and then nobody would read it. undici takes a response that says `close` for whole when its connection breaks
 * off, and would not come back; it is told that the connection is not worth keeping.
 */
export function leaveConnection(headers: Headers, userAgent: string | null | undefined): void {
  if (UNDICI.test(userAgent ?? '')) headers.set('keep-alive', 'timeout=0');
  else headers.set('connection', 'close');
}
