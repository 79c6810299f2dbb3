/**
 * Errors that say which argument is wrong, what it got, and what it wants. `ssekit/publish` shares this module, so it imports
 * nothing from Node.js.
 */
import { withCode } from './error-codes.js';

/** A value that cannot be used at all. */
export function argumentError(argument: string, got: unknown, wants: string, options?: ErrorOptions): TypeError {
  return unfitArgument(argument, describe(got), wants, options);
}

/** A value that cannot be used at all. `got` describes it in words, and does not show a secret. */
export function unfitArgument(argument: string, got: string, wants: string, options?: ErrorOptions): TypeError {
  const error = new TypeError(`${argument}: got ${got}, wants ${wants}`, options);
  return withCode(error, 'ERR_SSEKIT_ARGUMENT');
}

/** An unknown option. Its value is not shown, because it may be anything, even somebody's name. */
export function unknownOption(argument: string, known: readonly string[]): TypeError {
  const error = new TypeError(`${argument}: no such option; known are ${known.join(', ')}`);
  return withCode(error, 'ERR_SSEKIT_ARGUMENT');
}

/** A value of the right kind, but out of bounds. */
export function rangeError(argument: string, got: string, wants: string, options?: ErrorOptions): RangeError {
  const error = new RangeError(`${argument}: got ${got}, wants ${wants}`, options);
  return withCode(error, 'ERR_SSEKIT_RANGE');
}

/** The events sent so far wait for the backplane, which cannot be used. */
export function backplaneError(message: string): Error {
  return withCode(new Error(message), 'ERR_SSEKIT_BACKPLANE');
}

/** A number as messages write limits and counts: `1,000`. */
export function grouped(number: number): string {
  return number.toLocaleString('en');
}

const LONG = 4_096;

/** Describes a value in a few words that are safe to print: strings are quoted and cut, control characters are escaped. */
function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      // To cut off a piece of a long string, V8 may have to copy all of it.
      if (value.length > LONG) return `a string of ${grouped(value.length)} characters`;
      return value.length > 40 ? `${JSON.stringify(value.slice(0, 40))}…` : JSON.stringify(value);
    case 'number':
    case 'undefined':
    case 'boolean':
      return String(value);
    case 'bigint':
      return 'a bigint';
    case 'object':
      return value === null ? 'null' : describeObject(value);
    default:
      return `a ${typeof value}`;
  }
}

/** Names the kind of a built-in object, because a date, or a promise that nobody waited for, is a usual mistake. */
function describeObject(value: object): string {
  if (Array.isArray(value)) return 'an array';
  const kind = kindOf(value);
  return kind === undefined ? 'an object' : `an object of the kind ${kind}`;
}

/** The value may be anything, so its own code may run and fail here. */
function kindOf(value: object): string | undefined {
  try {
    const [, kind] = /^\[object ([A-Z]\w{0,39})\]$/.exec(Object.prototype.toString.call(value)) ?? [];
    return kind === 'Object' ? undefined : kind;
  } catch {
    return undefined;
  }
}
