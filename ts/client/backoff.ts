/** The delay before the next attempt. */

/**
 * Full jitter: any time within a window that doubles with each failure, from half a second to half a minute. The server's
 * `retry:` comes on top, and widens the window, because pages that get the same value must not come back at the same moment.
 */
export function backoff(failures: number, retryMs = 0): number {
  return retryMs + Math.random() * Math.min(30_000, Math.max(500, retryMs) * 2 ** failures);
}

/** The milliseconds that a `Retry-After` asks for, in seconds or as a date (RFC 9110, section 10.2.3); `NaN` if there is none. */
export function retryAfter(value: string | null): number {
  const text = value ?? '';
  return /^\d+$/.test(text) ? +text * 1_000 : Math.max(0, Date.parse(text) - Date.now());
}
