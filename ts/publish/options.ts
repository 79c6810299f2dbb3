/** Options of a publisher: the address, the token and the patience. */

/** The part of `fetch` that a publisher uses. */
export type PublishFetch = (url: string, init: RequestInit) => Promise<Response>;

/** Options of `createPublisher`. */
export interface PublisherOptions {
  /**
   * The listener's URL. Without a path, it means `/publish`. Redirects are not followed. Default: the environment variable
   * `SSEKIT_PUBLISH_URL`.
   */
  url?: string | URL;
  /** The token from the listener's option `publish`. Default: the environment variable `SSEKIT_PUBLISH_TOKEN`. */
  token?: string;
  /** The function that sends requests. Default: the global `fetch`. */
  fetch?: PublishFetch;
  /** Timeout of one attempt, in milliseconds, 1 to 60,000. Default: 10,000. */
  timeoutMs?: number;
  /**
   * The maximum number of retries, 0 to 5, after a network error, a missing answer, 429, or 500 and above. The pauses grow from a
   * quarter of a second to five seconds. A publisher waits for a `Retry-After` of up to 30 seconds, and gives up on a longer one.
   * Default: 3.
   */
  retries?: number;
}
