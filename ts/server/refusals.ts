/** The answers to clients that are not let in. */
import { native } from './binding.js';
import { explain } from './explain.js';
import { STREAM_HEADERS } from './stream-headers.js';

export interface Answer {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string | Uint8Array<ArrayBuffer>;
}

/** Who comes back too soon is only refused again; and not all shall come back in the same second. */
const RETRY_AFTER_SECONDS = { least: 5, most: 15 };

const ANSWERS: Record<string, () => Answer> = {
  ERR_SSEKIT_CLAIMED: () => text(409, 'This client id belongs to another user.'),
  ERR_SSEKIT_FULL: () => text(503, 'There are as many streams as there may be.', retryAfter()),
  ERR_SSEKIT_USER_FULL: () => text(429, 'This user has as many streams as one may have.', retryAfter()),
  ERR_SSEKIT_ADDRESS_FULL: () => text(429, 'As many streams come from this address as may.', retryAfter()),
  ERR_SSEKIT_LOGGED_OUT: () => unauthorized('refused a stream: its user was logged out while `identify` looked for it'),
  // An `EventSource` takes any other status for final, and would not come back to the process that takes over.
  ERR_SSEKIT_DRAINING: () => ({ status: 200, headers: STREAM_HEADERS, body: new Uint8Array(native().farewell()) }),
};

/** What a client gets whose connection has failed with this error; nothing if the error is the caller's. */
export function answerTo(error: unknown): Answer | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code !== undefined && Object.hasOwn(ANSWERS, code) ? ANSWERS[code]?.() : undefined;
}

/** The answer to somebody whom the application does not know. The client is not told why. */
export function unauthorized(why: string): Answer {
  explain(why);
  return text(401, 'Unauthorized');
}

/** The answer to a request that is wrong in itself. */
export function badRequest(message: string): Answer {
  return text(400, message);
}

function text(status: number, message: string, headers: Record<string, string> = {}): Answer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body: `${message}\n` };
}

/** In seconds: RFC 9110, section 10.2.3. */
function retryAfter(): Record<string, string> {
  const { least, most } = RETRY_AFTER_SECONDS;
  return { 'retry-after': String(least + Math.floor(Math.random() * (most - least + 1))) };
}
