/** The codes of ssekit's errors. `ssekit/publish` shares this module, so it imports nothing. */

/** Native code has the same list, which a test compares with this one. */
export const NATIVE_CODES = [
  'ERR_SSEKIT_ARGUMENT',
  'ERR_SSEKIT_RANGE',
  'ERR_SSEKIT_CONFIGURED',
  'ERR_SSEKIT_FULL',
  'ERR_SSEKIT_USER_FULL',
  'ERR_SSEKIT_ADDRESS_FULL',
  'ERR_SSEKIT_CHANNELS_FULL',
  'ERR_SSEKIT_CLAIMED',
  'ERR_SSEKIT_DRAINING',
  'ERR_SSEKIT_GONE',
  'ERR_SSEKIT_UNKNOWN_CLIENT',
  'ERR_SSEKIT_EVICTED',
  'ERR_SSEKIT_LOGGED_OUT',
  'ERR_SSEKIT_FORKED',
  'ERR_SSEKIT_SYSTEM',
  'ERR_SSEKIT_BACKPLANE',
] as const;

/** Only JavaScript throws these. */
export const JAVASCRIPT_CODES = [
  'ERR_SSEKIT_BINARY',
  'ERR_SSEKIT_BROWSER',
  'ERR_SSEKIT_PUBLISH',
  'ERR_SSEKIT_SECRET',
] as const;

export type ErrorCode = (typeof NATIVE_CODES)[number] | (typeof JAVASCRIPT_CODES)[number];

/** Gives an error its code. */
export function withCode<E extends Error>(error: E, code: ErrorCode): E {
  return Object.assign(error, { code });
}

/** Whether `error` has this code. */
export function hasCode(error: unknown, code: ErrorCode): boolean {
  return codeOf(error) === code;
}

/** The code of an error, which need not be ssekit's. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
