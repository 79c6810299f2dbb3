/**
 * Checks callers' arguments, and converts them to what the addon takes. The addon checks everything that depends on bytes.
 * `ssekit/publish` shares this module, so it imports nothing from Node.js.
 */
import type { SSEEvent } from '../../index';
import { argumentError, grouped, rangeError, unfitArgument, unknownOption } from './errors.js';
import { checkBytes, checkSize } from './size.js';

/** An event as the addon takes it. */
export interface EncodedEvent {
  name: string;
  /** JSON text. */
  data: string;
  id: string | undefined;
  retry: number | undefined;
  coalesceKey: string | undefined;
}

/** Text that survives in a header, in the words of native code. */
export const HEADER_TEXT = '1 to 256 printable ASCII characters, without a space at either end';

/** The largest `maxEventBytes` that can be set anywhere. */
export const MOST_BYTES = 67_108_864;

/** `most` returns the maximum size of an event. It is called only for large events. */
export function encodeEvent(event: SSEEvent, most: () => number = () => MOST_BYTES): EncodedEvent {
  if (!isObject(event)) throw argumentError('event', event, 'an object { event, data, id?, retry? }');
  if (!('data' in event || 'event' in event)) {
    throw unfitArgument('event', 'neither event nor data', 'at least one of them');
  }
  // Reads each property once, because a getter may return something else the second time.
  const { event: name, data, id, retry, coalesceKey } = event;
  return {
    name: checkName(name, most),
    data: stringify('event.data', data, most),
    id: checkEventId(id),
    retry: checkRetry(retry),
    coalesceKey: checkCoalesceKey(coalesceKey),
  };
}

/**
 * Whether this is one of the application's own objects, plain or of a class. Arrays, dates, boxed strings and other built-in objects
 * are mistakes: they would be sent as `message` with `null`.
 */
function isObject(event: unknown): event is object {
  return typeof event === 'object' && event !== null && Object.prototype.toString.call(event) === '[object Object]';
}

function checkName(name: unknown, most: () => number): string {
  if (name === undefined || name === null) return '';
  if (typeof name === 'string') checkBytes(name.length, most);
  return wellFormed('event.event', name, 'a string without control characters');
}

function checkEventId(id: unknown): string | undefined {
  if (id === undefined || id === null) return undefined;
  return shortText('event.id', id, `a string of ${HEADER_TEXT}`);
}

function checkCoalesceKey(key: unknown): string | undefined {
  if (key === undefined || key === null) return undefined;
  return shortText('event.coalesceKey', key, 'a string of 1 to 256 bytes');
}

function checkRetry(retry: unknown): number | undefined {
  if (retry === undefined || retry === null) return undefined;
  if (!Number.isSafeInteger(retry) || (retry as number) < 0) {
    throw argumentError('event.retry', retry, 'milliseconds as a non-negative safe integer');
  }
  return retry as number;
}

/**
 * Returns a string that UTF-8 can carry. Half of a surrogate pair would become U+FFFD, so two different ids could become the
 * same.
 */
export function wellFormed(argument: string, value: unknown, wants: string): string {
  if (typeof value !== 'string') throw argumentError(argument, value, wants);
  if (!isWellFormed(value)) throw argumentError(argument, value, `${wants}; it has half of a surrogate pair`);
  return value;
}

/** Longer than any id may be. Native code counts the bytes of shorter strings, and gets no copy of longer ones. */
const LONG = 4_096;

function shortText(argument: string, value: unknown, wants: string): string {
  if (typeof value === 'string' && value.length > LONG) throw argumentError(argument, value, wants);
  return wellFormed(argument, value, wants);
}

/** Whether UTF-8 can carry a string. */
export const isWellFormed: (text: string) => boolean = (text) =>
  // Exists in every Node.js that this package runs on, but not in TypeScript's ES2023.
  (text as string & { isWellFormed(): boolean }).isWellFormed();

/**
 * JSON by the rules of `JSON.stringify`. It escapes line ends, so the text is always one line. `most` bounds the bytes of an
 * event before they are made.
 */
export function stringify(argument: string, data: unknown, most?: () => number): string {
  if (data === undefined) return 'null';
  if (most) checkSize(data, most);
  let json: string | undefined;
  try {
    json = JSON.stringify(data);
  } catch (error) {
    throw explain(argument, data, error);
  }
  if (json === undefined) throw argumentError(argument, data, 'a value that JSON can carry');
  if (most) checkBytes(json.length, most);
  return json;
}

/** The beginnings of the error messages of `JSON.stringify` itself, in V8 and in JavaScriptCore. */
const CANNOT_STRINGIFY =
  /^(Do not know how to serialize a BigInt|Converting circular structure|JSON\.stringify cannot)/;

/**
 * Explains errors of `JSON.stringify` itself, because they say little. Errors from the caller's own `toJSON` or getters are
 * passed on.
 */
function explain(argument: string, data: unknown, error: unknown): unknown {
  if (error instanceof RangeError && /call stack/i.test(error.message)) {
    return rangeError(argument, 'a value nested too deeply', 'one that JSON.stringify can walk', { cause: error });
  }
  if (error instanceof TypeError && CANNOT_STRINGIFY.test(error.message)) {
    const wants = `a value that JSON can carry (${error.message.split('\n', 1)[0]})`;
    return argumentError(argument, data, wants, { cause: error });
  }
  return error;
}

/** Integers from this one on have more than 256 digits. */
const LARGEST = 10n ** 256n;

/** A user id as one string, so that `42` and `'42'` are one user. */
export function checkUserId(userId: unknown): string {
  const wants = 'a string of 1 to 256 bytes, a finite number or a bigint';
  switch (typeof userId) {
    case 'string':
      return shortText('userId', userId, wants);
    case 'bigint':
      // Converting it to decimal digits would take seconds, only to end in an error.
      if (userId >= LARGEST || userId <= -LARGEST) break;
      return userId.toString();
    case 'number':
      if (!Number.isFinite(userId)) break;
      // Decimal digits even where `String` would write an exponent.
      return Number.isInteger(userId) ? BigInt(userId).toString() : String(userId);
  }
  throw argumentError('userId', userId, wants);
}

export function checkClientId(argument: string, clientId: unknown): string {
  return shortText(argument, clientId, 'a string of 1 to 256 bytes');
}

export function checkChannel(channel: unknown): string {
  return shortText('channel', channel, 'a string of 1 to 256 bytes without control characters');
}

/** Checks that an argument is an object, and that it has no unknown property, which most likely is a misspelt one. */
export function checkKnown(argument: string, value: unknown, known: readonly string[]): asserts value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw argumentError(argument, value, `an object { ${known.join('?, ')}? }`);
  }
  for (const name of Object.keys(value)) {
    if (!known.includes(name)) throw unknownOption(`${argument}.${name}`, known);
  }
}

export function checkNumber(argument: string, value: unknown, least: number, most: number): number {
  const wants = `an integer from ${grouped(least)} to ${grouped(most)}`;
  if (typeof value !== 'number') throw argumentError(argument, value, wants);
  if (!Number.isInteger(value) || value < least || value > most) throw rangeError(argument, String(value), wants);
  return value;
}

/** A variable that switches something. An empty one counts as unset. */
export function checkFlag(variable: string, text: string | undefined): boolean | undefined {
  if (!text) return undefined;
  if (text !== 'true' && text !== 'false') throw argumentError(variable, text, '`true` or `false`');
  return text === 'true';
}
