/** The only kind of request that this page makes: JSON by POST to its own URL. */
import { retryAfter } from '../../client/backoff.js';
import { authorization } from './token.js';

/** The server did not do what it was asked for. The message is a sentence to show. */
export class RequestFailure extends Error {
  /** 0: there was no answer. */
  readonly status: number;
  readonly retryAfterMs: number;

  constructor(message: string, status: number, retryAfterMs = 0) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Sends a JSON text. Resolves with a successful answer, or rejects with a `RequestFailure`. */
export async function post(json: string, signal?: AbortSignal): Promise<Response> {
  const answer = await request(json, signal);
  if (answer.type === 'opaqueredirect') {
    throw new RequestFailure('The server answered with a redirect. You may have to log in again.', 403);
  }
  if (answer.ok) return answer;
  const after = answer.headers.get('retry-after');
  throw new RequestFailure(await sentenceOf(answer), answer.status, after === null ? 0 : retryAfter(after));
}

async function request(json: string, signal?: AbortSignal): Promise<Response> {
  try {
    // The mode stays `cors`: in the mode `same-origin`, Firefox and WebKit say `Origin: null` for a page that sends no referrer.
    return await fetch(location.pathname + location.search, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...authorization() },
      body: json,
      cache: 'no-store',
      redirect: 'manual',
      signal,
    });
  } catch {
    throw new RequestFailure('The server cannot be reached.', 0);
  }
}

/** The server's own words, or else its status: a proxy in between answers with a page. */
async function sentenceOf(answer: Response): Promise<string> {
  const said: unknown = await answer.json().catch(() => undefined);
  const { error } = (said ?? {}) as { error?: unknown };
  return typeof error === 'string' && error ? error : `The server answered with status ${answer.status}.`;
}

/** The answer to `send` or `disconnect`. */
export async function ask(json: string): Promise<Record<string, unknown>> {
  const answer = await post(json);
  try {
    return (await answer.json()) as Record<string, unknown>;
  } catch {
    throw new RequestFailure('The server answered with something else than JSON.', answer.status);
  }
}
