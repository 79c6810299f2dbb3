/** What an answer to the request for the stream means. */
import { retryAfter } from './backoff.js';
import { SSEClientError } from './error.js';

/** Throws if it is no stream. */
export function checkAnswer({ status, headers, body }: Response, now: number): void {
  const type = headers.get('content-type');
  if (status === 200 && body && /^text\/event-stream\b/i.test(type ?? '')) return;
  const what = status === 200 ? `${type}: does \`url\` lead to a stream, and \`fetch\` read one?` : status;
  const retryAfterMs = retryAfter(headers.get('retry-after'), now);
  throw new SSEClientError('refused', `The server answered ${what}`, { status, retryAfterMs });
}
