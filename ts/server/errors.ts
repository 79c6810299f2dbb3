/**
 * Errors that say which argument is wrong, what it got, and what it wants. `ssekit/publish` shares this module, so it imports
 * nothing from Node.js.
 */
import { withCode } from './error-codes.js';

/** A value that cannot be used at all. */
export function argumentError(argument: string, got: unknown, wants: string, options?: ErrorOptions): TypeError {
  const error = new TypeError(`${argument}: got ${describe(got)}, wants ${wants}`, options);
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

const LONG = 4_096;

/** Describes a value in a few words that are safe to print: strings are quoted and cut, control characters are escaped. */
function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      // To cut off a piece of a long string, V8 may have to copy all of it.
      if (value.length > LONG) return `a string of ${value.length} characters`;
      return value.length > 40 ? `${JSON.stringify(value.slice(0, 40))}…` : JSON.stringify(value);
    case 'number':
    case 'undefined':
    case 'boolean':
      return String(value);
    case 'bigint':
      return 'a bigint';
    case 'object':
      return value === null ? 'null' : Array.isArray(value) ? 'an array' : 'an object';
    default:
      return `a ${typeof value}`;
  }
}
