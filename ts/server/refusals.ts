/** The answers to refused clients. */
import { native } from './binding.js';
import { codeOf, type ErrorCode } from './error-codes.js';
import { explain } from './explain.js';
import { STREAM_HEADERS } from './stream-headers.js';

export interface Answer {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string | Uint8Array<ArrayBuffer>;
}

/**
 * A client that comes back too soon is only refused again. The delay is random, because not all clients should return in the
 * same second.
 */
const RETRY_AFTER_SECONDS = { least: 5, most: 15 };

/** An answer for a refused client, and the explanation for the application's developer: the reason, and what to do. */
interface Refusal {
  status: number;
  says: string;
  headers?: () => Record<string, string>;
  why: string;
}

const REFUSALS: Partial<Record<ErrorCode, Refusal>> = {
  ERR_SSEKIT_CLAIMED: {
    status: 409,
    says: 'clientId: got an id that belongs to another user, wants another id.',
    why: 'its client id belongs to another user. Let each page make up its own id, or leave `clientId` out',
  },
  ERR_SSEKIT_FULL: {
    status: 503,
    says: 'Too many streams. Try again later.',
    headers: retryAfter,
    why: 'the hub has reached `limits.clients`. Raise it in `SSEService.configure`',
  },
  ERR_SSEKIT_USER_FULL: {
    status: 429,
    says: 'Too many streams for this user. Close one, or try again later.',
    headers: retryAfter,
    why:
      'its user has reached `limits.clientsPerUser`. Raise it in `SSEService.configure`, or make sure ' +
      'that pages close streams that they no longer need',
  },
  ERR_SSEKIT_ADDRESS_FULL: {
    status: 429,
    says: 'Too many streams from this address. Close one, or try again later.',
    headers: retryAfter,
    why:
      'its address has reached `limits.clientsPerAddress`. Raise it in `SSEService.configure`; behind a ' +
      'proxy, pass the `address` that the proxy names',
  },
  ERR_SSEKIT_LOGGED_OUT: {
    status: 401,
    says: 'Unauthorized.',
    why: 'its user was logged out (`disconnectUser`) during `identify`. The page may return with a new session',
  },
};

/** The answer to a client whose connection has failed with this error; nothing if the error is the caller's. */
export function answerTo(error: unknown, url?: string): Answer | undefined {
  const code = codeOf(error);
  if (code === 'ERR_SSEKIT_DRAINING') return farewell(url);
  // The application cannot know which channels the client had before, so the error is not its own.
  if (code === 'ERR_SSEKIT_CHANNELS_FULL')
    return tooManyChannels((error as Error).message, 'its own channels and those that it had before', url);
  const refusal = isRefusal(code) ? REFUSALS[code] : undefined;
  if (!refusal) return undefined;
  const { status, says, headers, why } = refusal;
  return refuse(url, why, text(status, says, headers?.()));
}

function isRefusal(code: string | undefined): code is ErrorCode {
  return code !== undefined && Object.hasOwn(REFUSALS, code);
}

/** The answer to a client that the application does not know. The client does not learn the reason. */
export function unauthorized(why: string, url?: string): Answer {
  return refuse(url, why, text(401, 'Unauthorized.'));
}

/** The answer to an invalid request. */
export function badRequest(message: string, url?: string): Answer {
  return refuse(url, message, text(400, message));
}

/** The answer to a page that may not have what it asks for. */
export function forbidden(message: string, why: string, url?: string): Answer {
  return refuse(url, why, text(403, message));
}

/** The answer to a page with more channels than a client may have. `whose` says where they come from. */
export function tooManyChannels(message: string, whose: string, url?: string): Answer {
  const why = `${whose} are more than \`limits.channelsPerClient\` allows. Raise it in \`SSEService.configure\``;
  return refuse(url, why, text(429, `${message}.`));
}

/** An `EventSource` takes any status other than 200 as final, and would not come back to the process that takes over. */
function farewell(url: string | undefined): Answer {
  explain(`no stream for ${pathOf(url)}: this process is draining and told the page when to reconnect`);
  return { status: 200, headers: STREAM_HEADERS, body: new Uint8Array(native().farewell()) };
}

function refuse(url: string | undefined, why: string, answer: Answer): Answer {
  explain(`refused ${pathOf(url)} with ${answer.status}: ${why}`);
  return answer;
}

/** A request's path for the log, without the query, because that may contain a ticket. */
function pathOf(url: string | undefined): string {
  const [, path = ''] = /^(?:[a-z]+:\/\/[^/?#]*)?([^?#]*)/i.exec(url ?? '') ?? [];
  return path.slice(0, 200) || 'a stream';
}

function text(status: number, message: string, headers: Record<string, string> = {}): Answer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body: `${message}\n` };
}

/** In seconds: RFC 9110, section 10.2.3. */
export function retryAfter(): Record<string, string> {
  const { least, most } = RETRY_AFTER_SECONDS;
  return { 'retry-after': String(least + Math.floor(Math.random() * (most - least + 1))) };
}
