/** What callers pass, checked and converted to what the addon takes. What is about bytes is checked there. */

import type { NativeHistoryOptions, NativeOptions } from '../../binding.js';
import type { SSEEvent, SSEOptions } from '../../index';
import { argumentError, rangeError } from './errors.js';

/** An event as the addon takes it. */
export interface EncodedEvent {
  name: string;
  /** JSON text. */
  data: string;
  id: string | undefined;
  retry: number | undefined;
}

export function encodeEvent(event: SSEEvent): EncodedEvent {
  if (typeof event !== 'object' || event === null) {
    throw argumentError('event', event, 'an object { event, data, id?, retry? }');
  }
  // Each property is read once: a getter may answer differently the second time.
  const { event: name, data, id, retry } = event;
  return { name: checkName(name), data: stringify(data), id: checkEventId(id), retry: checkRetry(retry) };
}

function checkName(name: unknown): string {
  if (name === undefined || name === null) return '';
  return wellFormed('event.event', name, 'a string without control characters');
}

function checkEventId(id: unknown): string | undefined {
  if (id === undefined || id === null) return undefined;
  return wellFormed('event.id', id, 'a string of 1 to 256 printable ASCII characters');
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

const BOUNDS_ARE_NATIVE = 'a non-negative integer';

/** Options as the addon takes them; it checks their bounds. */
export function checkOptions(options: SSEOptions): NativeOptions {
  const { transport, history, ...numbers } = checkObject('options', options);
  if (transport !== undefined && transport !== 'auto' && transport !== 'stream') {
    throw argumentError('options.transport', transport, "'auto' or 'stream'");
  }
  const known = ['maxEventBytes', 'heartbeatMs', 'retryMs', 'threads'];
  const native: NativeOptions = checkNumbers('options', numbers, known, ['transport', 'history']);
  if (transport !== undefined) native.handoff = transport === 'auto';
  if (history !== undefined) native.history = checkHistory(history);
  return native;
}

function checkHistory(history: unknown): NativeHistoryOptions {
  const known = ['maxEvents', 'maxBytes', 'maxTotalBytes', 'maxAgeMs'];
  return checkNumbers('options.history', checkObject('options.history', history), known);
}

function checkObject(argument: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw argumentError(argument, value, 'an object');
  return value as Record<string, unknown>;
}

function checkNumbers(
  argument: string,
  values: Record<string, unknown>,
  known: string[],
  alsoKnown: string[] = [],
): Record<string, number> {
  const numbers: Record<string, number> = {};
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) continue;
    if (!known.includes(name)) {
      const all = [...alsoKnown, ...known].join(', ');
      throw argumentError(`${argument}.${name}`, value, `no such option; known are ${all}`);
    }
    if (typeof value !== 'number') throw argumentError(`${argument}.${name}`, value, BOUNDS_ARE_NATIVE);
    if (!Number.isSafeInteger(value) || value < 0)
      throw rangeError(`${argument}.${name}`, String(value), BOUNDS_ARE_NATIVE);
    numbers[name] = value;
  }
  return numbers;
}
