/** Tries until an attempt succeeds or another one is pointless. */
import { attempt, type Failed } from './attempt.js';
import { PublishError } from './error.js';
import type { Receipt } from './publication.js';
import type { Settings } from './settings.js';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;
const LONGEST_RETRY_AFTER_MS = 30_000;
const LONGEST_MESSAGE = 300;

export async function deliver(settings: Settings, body: string, key: string): Promise<Receipt[]> {
  for (let attempts = 1; ; attempts++) {
    const outcome = await attempt(settings, body, key);
    if ('receipts' in outcome) return outcome.receipts;
    const { failed } = outcome;
    const { retryAfterMs = 0 } = failed;
    if (!failed.passes || attempts > settings.retries || retryAfterMs > LONGEST_RETRY_AFTER_MS) {
      throw errorOf(settings, failed, attempts);
    }
    await sleep(Math.max(retryAfterMs, pauseMs(attempts)));
  }
}

/** The pause doubles each time, and is random, so publishers that wait for one listener do not return together. */
function pauseMs(attempts: number): number {
  const most = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempts - 1));
  return most / 2 + (Math.random() * most) / 2;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function errorOf({ url, token }: Settings, failed: Failed, attempts: number): PublishError {
  const { reason, ...details } = failed;
  const tried = attempts > 1 ? ` (${attempts} attempts)` : '';
  // A peer that echoes the request must not bring the token into a log.
  const told = printable(reason.replaceAll(token, '…')).slice(0, LONGEST_MESSAGE);
  return new PublishError(`${new URL(url).host}: ${told}${tried}`, { ...details, attempts });
}

/** The text comes from elsewhere. In a log, it must not begin a line or control a terminal. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ');
}
