/** Where to publish, as whom, and how patiently. */

/** As much of `fetch` as is used. */
export type PublishFetch = (url: string, init: RequestInit) => Promise<Response>;

/** Options of `createPublisher`. */
export interface PublisherOptions {
  /**
   * The listener; its `/publish` is meant where there is no path. Redirects are not followed. Default: the environment
   * variable `SSEKIT_PUBLISH_URL`.
   */
  url?: string | URL;
  /** The token that the listener's option `publish` has. Default: the environment variable `SSEKIT_PUBLISH_TOKEN`. */
  token?: string;
  /** What sends the request. Default: the global `fetch`. */
  fetch?: PublishFetch;
  /** How long one attempt may take, in milliseconds, 1 to 60,000. Default: 10,000. */
  timeoutMs?: number;
  /**
   * How often it is tried again, 0 to 5, after a network error, no answer in time, 429, and 500 and above. The pauses grow
   * from a quarter of a second to five; a `Retry-After` of up to 30 seconds is waited for, a longer one is not. Default: 3.
   */
  retries?: number;
}
