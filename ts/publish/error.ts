/**
 * Why an event was not published, or is not known to have been. A `status` from 400 to 499 says that it was not; any other, or
 * none, that it may have been.
 */
export class PublishError extends Error {
  override readonly name = 'PublishError';
  readonly code = 'ERR_SSEKIT_PUBLISH';
  /** Of the last answer. `null`: there was none. */
  readonly status: number | null;
  /** How often it was tried. */
  readonly attempts: number;
  /** When the listener wants to be asked again, in milliseconds, if it said so (`Retry-After`). */
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
