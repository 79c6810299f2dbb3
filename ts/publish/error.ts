/**
 * An event was not published, or may not have been. With a `status` from 400 to 499, it was not published. With any other `status`, or
 * with `null`, it may have been.
 */
export class PublishError extends Error {
  override readonly name = 'PublishError';
  readonly code = 'ERR_SSEKIT_PUBLISH';
  /** The status of the last answer. `null` if there was no answer. */
  readonly status: number | null;
  /** The number of attempts. */
  readonly attempts: number;
  /** The time the listener asks you to wait, in milliseconds, if it said so (`Retry-After`). */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, details: PublishErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.status = details.status;
    this.attempts = details.attempts;
    this.retryAfterMs = details.retryAfterMs;
  }
}

interface PublishErrorDetails {
  status: number | null;
  attempts: number;
  retryAfterMs?: number | undefined;
  cause?: unknown;
}
