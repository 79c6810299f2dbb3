/** The meaning of an answer to the request for the stream. */
import { retryAfter } from './backoff.js';
import { SSEClientError } from './error.js';

/** The remedy, by status. */
const HINTS: Record<number, string> = {
  401: ': log in, or renew the ticket',
  403: ': check user, channels and origin',
  404: ': check `url`',
};

/** Throws if it is no stream. */
export function checkAnswer({ status, headers, body, url }: Response): void {
  const type = headers.get('content-type');
  const isStream = /^text\/event-stream\b/i.test(type ?? '');
  if (status === 200 && isStream && body) return;
  let what = status + (HINTS[status] ?? '');
  if (status === 200)
    what = isStream ? 'a stream: pass a `fetch` that reads it' : `${type}, no stream: check \`url\` and log-in`;
  const retryAfterMs = retryAfter(headers.get('retry-after'));
  // Without the query, which has the ticket.
  throw new SSEClientError('refused', `${(url || 'Server').split('?')[0]} answered ${what}`, { status, retryAfterMs });
}
