/** The kind of a fault. */
export type SSEClientErrorCode =
  /** The server's answer is no event stream; `status` says which. */
  | 'refused'
  /** The connection has failed: the server is away, the URL is wrong, or the server does not let this origin in. */
  | 'unreachable'
  /** `auth` has failed. */
  | 'auth'
  /** The data of an event is not JSON, or not what its schema wants. The event was left out. */
  | 'data'
  /** A handler has thrown. */
  | 'handler'
  /** Events were missed, and there is no handler for that; or it has failed, and is called again. */
  | 'reset'
  /** A change of channels was refused, or has failed and is tried again. */
  | 'channel';

/** Given to the handlers of `onError`. */
export class SSEClientError extends Error {
  declare readonly code: SSEClientErrorCode;
  /** The status of the server's answer. */
  declare readonly status?: number;
  /** The thrown value, or the problems that a schema has found. */
  declare readonly cause?: unknown;
  /** The delay that the server's `Retry-After` asks for, in milliseconds. */
  declare readonly retryAfterMs?: number;

  constructor(code: SSEClientErrorCode, message: string, more?: object) {
    super(message);
    // The name stays readable when the class is minified.
    Object.assign(this, { name: 'SSEClientError', code }, more);
  }
}

/** One that was caused by another, whose message it repeats. */
export function causedBy(code: SSEClientErrorCode, what: string, cause: unknown): SSEClientError {
  return new SSEClientError(code, `${what}: ${(cause as Error | undefined)?.message ?? cause}`, { cause });
}
