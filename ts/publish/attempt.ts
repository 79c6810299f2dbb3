/** One request to a listener, and its outcome. */
import type { Receipt } from './publication.js';
import type { Settings } from './settings.js';

export interface Failed {
  /** `null` if there was no answer. */
  status: number | null;
  reason: string;
  /** Whether it is worth another attempt. */
  passes: boolean;
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

export type Outcome = { receipts: Receipt[] } | { failed: Failed };

/** Sends `body` (JSON) under a key, which lets the listener tell a repeated attempt from a new publication. */
export async function attempt(settings: Settings, body: string, key: string): Promise<Outcome> {
  // `fetch` is called without a receiver, because Workers and browsers refuse any receiver but their own.
  const { url, token, timeoutMs, fetch } = settings;
  const signal = AbortSignal.timeout(timeoutMs);
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'idempotency-key': key,
  };
  try {
    // No `redirect: 'error'` and no `cache`, because Workers refuse both.
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
    return outcomeOf(response, await response.text());
  } catch (cause) {
    const reason = signal.aborted ? `no answer within ${timeoutMs} ms` : reasonOf(cause);
    return { failed: { status: null, reason, passes: true, cause } };
  }
}

function outcomeOf(response: Response, text: string): Outcome {
  const { status } = response;
  if (!response.ok) {
    const passes = status === 429 || status >= 500;
    const retryAfterMs = passes ? parseRetryAfter(response.headers.get('retry-after'), Date.now()) : undefined;
    return { failed: { status, reason: refusal(response, text), passes, retryAfterMs } };
  }
  const receipts = receiptsIn(text);
  if (receipts) return { receipts };
  const reason = `answered with ${status}, but not with a listener's receipts`;
  return { failed: { status, reason, passes: false } };
}

function refusal({ status, type }: Response, text: string): string {
  if (type === 'opaqueredirect' || (status >= 300 && status < 400))
    return 'answered with a redirect, which is not followed';
  if (status === 401) return 'refused with 401: the token is missing or wrong';
  const said = errorIn(text);
  return said ? `refused with ${status}: ${said}` : `answered with ${status}`;
}

/** The listener's own explanation. An answer from others, for instance a proxy's page, explains nothing. */
function errorIn(text: string): string | undefined {
  const answer = parsed(text);
  if (typeof answer !== 'object' || answer === null || !('error' in answer)) return undefined;
  return typeof answer.error === 'string' ? answer.error : undefined;
}

function receiptsIn(text: string): Receipt[] | undefined {
  const answer = parsed(text);
  const receipts: unknown[] = Array.isArray(answer) ? answer : [answer];
  return receipts.every(isReceipt) ? receipts : undefined;
}

function isReceipt(value: unknown): value is Receipt {
  if (typeof value !== 'object' || value === null) return false;
  const { clients, id } = value as Record<string, unknown>;
  return Number.isSafeInteger(clients) && (id === null || typeof id === 'string');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The cause behind the `fetch failed` of Node.js, if there is one. Not every error is an `Error` of this realm. */
function reasonOf(error: unknown): string {
  const cause = (error as { cause?: unknown } | null)?.cause ?? error;
  const { code, message } = (cause ?? {}) as { code?: unknown; message?: unknown };
  const texts = [code, message].filter((text): text is string => typeof text === 'string' && text !== '');
  return texts[0] ?? String(cause);
}

/** `Retry-After` in milliseconds. It is a number of seconds or a date (RFC 9110, section 10.2.3); anything else is ignored. */
export function parseRetryAfter(value: string | null, now: number): number | undefined {
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1_000;
  // `Date.parse` makes a date of nearly anything.
  const date = /^[A-Z][a-z]{2}/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
