/** The headers of an event stream. */
import type { ConnectOptions } from '../../index';
import { argumentError, unfitArgument } from './errors.js';

/**
 * The headers that make a response an event stream, and let it arrive as it is sent. `no-transform` keeps Next.js and proxies
 * from compressing it (RFC 9111, section 5.2.2.6). `X-Accel-Buffering` keeps nginx from buffering it.
 */
export const STREAM_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/** The headers of the response: first the caller's, then the required ones. */
export function streamHeaders(own: ConnectOptions['headers']): Headers {
  const headers = headersOf(own);
  for (const [name, value] of Object.entries(STREAM_HEADERS)) headers.set(name, value);
  return headers;
}

/** The caller's headers, without those that describe a body. */
export function headersOf(own: ConnectOptions['headers']): Headers {
  const headers = new Headers();
  for (const [name, value] of pairsOf(own)) append(headers, name, value);
  for (const name of ['content-length', 'content-encoding', 'transfer-encoding']) headers.delete(name);
  return headers;
}

/** The error of `append` itself would show the value, which may be a cookie. */
function append(headers: Headers, name: string, value: string): void {
  try {
    headers.append(name, value);
  } catch (cause) {
    throw HEADER_NAME.test(name)
      ? unfitArgument(`headers.${name}`, 'a value that HTTP does not allow', 'text of one line in Latin-1', { cause })
      : argumentError('headers', name, 'names of letters, digits and hyphens', { cause });
  }
}

/** RFC 9110, section 5.1. */
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~\w]+$/;

/**
 * Each header as a name and one text. An array means several headers with that name, because cookies cannot be joined by a
 * comma.
 */
function* pairsOf(own: ConnectOptions['headers']): Generator<[string, string]> {
  if (own === undefined || own === null) return;
  if (typeof own !== 'object') throw argumentError('headers', own, WANTS);
  for (const pair of Symbol.iterator in own ? own : Object.entries(own)) {
    if (!Array.isArray(pair) || pair.length !== 2) throw argumentError('headers', pair, WANTS);
    const [name, value] = pair as [string, unknown];
    for (const one of Array.isArray(value) ? value : [value]) {
      // Skip: nobody wants a header with the text `undefined`.
      if (one === undefined || one === null) continue;
      if (!TEXTS.includes(typeof one)) throw argumentError(`headers.${name}`, one, 'a string');
      yield [name, String(one)];
    }
  }
}

const WANTS = 'an object, a Headers, or an array of names and values';

/** Types whose text form is unambiguous. */
const TEXTS = ['string', 'number', 'bigint', 'boolean'];

/** The name that undici, Node's own `fetch`, gives itself. */
const UNDICI = /^(node|undici)$/i;

/**
 * Keeps a client or a proxy from sending another request over the stream's connection (RFC 9112, section 9.6). Nothing reads
 * requests from a socket that has left Node.
 *
 * undici needs another header. If a connection with `Connection: close` breaks off, undici treats the response as complete
 * and does not reconnect. A proxy may forward undici's name, but never its `Connection: keep-alive` (RFC 9110, section
 * 7.6.1).
 */
export function leaveConnection(headers: Headers, agent: Text, connection: Text): void {
  if (UNDICI.test(agent ?? '') && KEEP_ALIVE.test(connection ?? '')) headers.set('keep-alive', 'timeout=0');
  else headers.set('connection', 'close');
}

type Text = string | null | undefined;

const KEEP_ALIVE = /^keep-alive$/i;
