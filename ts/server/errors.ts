/** Errors that say which argument, what it got, and what it wants. Shared with `ssekit/publish`: nothing of Node.js here. */

/** What cannot be used at all. */
export function argumentError(argument: string, got: unknown, wants: string, options?: ErrorOptions): TypeError {
  const error = new TypeError(`${argument}: got ${describe(got)}, wants ${wants}`, options);
  return Object.assign(error, { code: 'ERR_SSEKIT_ARGUMENT' });
}

/** An option that nobody knows. Its value is not shown: it may be anything, also somebody's name. */
export function unknownOption(argument: string, known: readonly string[]): TypeError {
  const error = new TypeError(`${argument}: no such option; known are ${known.join(', ')}`);
  return Object.assign(error, { code: 'ERR_SSEKIT_ARGUMENT' });
}

/** What is of the right kind but out of its bounds. */
export function rangeError(argument: string, got: string, wants: string, options?: ErrorOptions): RangeError {
  const error = new RangeError(`${argument}: got ${got}, wants ${wants}`, options);
  return Object.assign(error, { code: 'ERR_SSEKIT_RANGE' });
}

/** What was sent waits for the backplane, which cannot be used. */
export function backplaneError(message: string): Error {
  return Object.assign(new Error(message), { code: 'ERR_SSEKIT_BACKPLANE' });
}

/** Whether `error` carries one of ssekit's codes. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}

const LONG = 4_096;

/** A value in few words, safe to print: strings are quoted and cut, control characters escaped. */
function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      // To cut a piece off a long one, V8 may have to copy all of it.
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
