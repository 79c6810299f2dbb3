/**
 * What callers pass, checked and converted to what the addon takes. What is about bytes is checked there. `ssekit/publish`
 * shares it, so nothing of Node.js is imported here.
 */
import type { SSEEvent } from '../../index';
import { argumentError, rangeError } from './errors.js';

/** An event as the addon takes it. */
export interface EncodedEvent {
  name: string;
  /** JSON text. */
  data: string;
  id: string | undefined;
  retry: number | undefined;
  coalesceKey: string | undefined;
}

export function encodeEvent(event: SSEEvent): EncodedEvent {
  if (typeof event !== 'object' || event === null) {
    throw argumentError('event', event, 'an object { event, data, id?, retry? }');
  }
  // Each property is read once: a getter may answer differently the second time.
  const { event: name, data, id, retry, coalesceKey } = event;
  return {
    name: checkName(name),
    data: stringify(data),
    id: checkEventId(id),
    retry: checkRetry(retry),
    coalesceKey: checkCoalesceKey(coalesceKey),
  };
}

function checkName(name: unknown): string {
  if (name === undefined || name === null) return '';
  return wellFormed('event.event', name, 'a string without control characters');
}

function checkEventId(id: unknown): string | undefined {
  if (id === undefined || id === null) return undefined;
  return wellFormed('event.id', id, 'a string of 1 to 256 printable ASCII characters');
}

function checkCoalesceKey(key: unknown): string | undefined {
  if (key === undefined || key === null) return undefined;
  return wellFormed('event.coalesceKey', key, 'a string of 1 to 256 bytes');
}

function checkRetry(retry: unknown): number | undefined {
  if (retry === undefined || retry === null) return undefined;
  if (!Number.isSafeInteger(retry) || (retry as number) < 0) {
    throw argumentError('event.retry', retry, 'milliseconds as a non-negative safe integer');
  }
  return retry as number;
}

/** A string that UTF-8 can carry. Half of a surrogate pair would become U+FFFD, and two different ids the same. */
function wellFormed(argument: string, value: unknown, wants: string): string {
  if (typeof value !== 'string') throw argumentError(argument, value, wants);
  if (!isWellFormed(value)) throw argumentError(argument, value, `${wants}; it has half of a surrogate pair`);
  return value;
}

const isWellFormed: (text: string) => boolean = (text) =>
  // In every Node.js that this package runs on, but not in TypeScript's ES2023.
  (text as string & { isWellFormed(): boolean }).isWellFormed();

/** JSON by the rules of `JSON.stringify`. It escapes line ends, so the text is always one line. */
function stringify(data: unknown): string {
  if (data === undefined) return 'null';
  let json: string | undefined;
  try {
    json = JSON.stringify(data);
  } catch (error) {
    throw explain(data, error);
  }
  if (json === undefined) throw argumentError('event.data', data, 'a value that JSON can carry');
  return json;
}

/** How `JSON.stringify` itself begins to say that it cannot, in V8 and in JavaScriptCore. */
const CANNOT_STRINGIFY =
  /^(Do not know how to serialize a BigInt|Converting circular structure|JSON\.stringify cannot)/;

/** What `JSON.stringify` itself throws says little; what a `toJSON` or a getter of the caller's throws is passed on. */
function explain(data: unknown, error: unknown): unknown {
  if (error instanceof RangeError && /call stack/i.test(error.message)) {
    return rangeError('event.data', 'a value nested too deeply', 'one that JSON.stringify can walk', { cause: error });
  }
  if (error instanceof TypeError && CANNOT_STRINGIFY.test(error.message)) {
    const wants = `a value that JSON can carry (${error.message.split('\n', 1)[0]})`;
    return argumentError('event.data', data, wants, { cause: error });
  }
  return error;
}

/** A user id as one string, so that `42` and `'42'` are one user. */
export function checkUserId(userId: unknown): string {
  const wants = 'a string, a finite number or a bigint';
  switch (typeof userId) {
    case 'string':
      return wellFormed('userId', userId, wants);
    case 'bigint':
      return userId.toString();
    case 'number':
      if (!Number.isFinite(userId)) break;
      // Decimal also where `String` would write an exponent.
      return Number.isInteger(userId) ? BigInt(userId).toString() : String(userId);
  }
  throw argumentError('userId', userId, wants);
}

export function checkClientId(argument: string, clientId: unknown): string {
  return wellFormed(argument, clientId, 'a string');
}
