/** `POST` to the route of the event stream: a page changes the channels of its stream. */
import type { PageChanged } from '../../binding.js';
import type { ConnectOptions } from '../../index';
import { native } from '../server/binding.js';
import { answer } from '../server/connect.js';
import { codeOf, type ErrorCode } from '../server/error-codes.js';
import { argumentError, grouped } from '../server/errors.js';
import { explain } from '../server/explain.js';
import { identify } from '../server/identity.js';
import { isJson } from '../server/json-type.js';
import { isFromOwnPage } from '../server/own-page.js';
import { retryAfter } from '../server/refusals.js';
import { headersOf } from '../server/stream-headers.js';
import { type Authorize, grantedOf } from './authorize.js';
import { type ChangeRequest, parseChange } from './change-request.js';
import { bodyOf } from './json-body.js';

/** The maximum number of bytes of a body: far more than the names of all channels that a client may have usually take. */
const MOST_BYTES = 65_536;

/** The answers to requests that ssekit's own errors refuse. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  ERR_SSEKIT_ARGUMENT: 400,
  ERR_SSEKIT_UNKNOWN_CLIENT: 404,
  ERR_SSEKIT_RANGE: 429,
  ERR_SSEKIT_CHANNELS_FULL: 429,
  ERR_SSEKIT_DRAINING: 503,
};

/** Refuses a request whose head says enough. */
export function refuseChange(request: Request, allowedOrigins: readonly string[]): Response | undefined {
  if (!isFromOwnPage(request, allowedOrigins)) {
    explain(
      'refused to change channels with 403: the page is of another origin. If it is yours, name it in `allowedOrigins`',
    );
    return unfit(403, 'Origin', request.headers.get('origin'), 'a page of the same origin');
  }
  return isJson(request)
    ? undefined
    : unfit(415, 'Content-Type', request.headers.get('content-type'), 'application/json');
}

/** Changes the channels of an identified page's stream. */
export async function changeChannels(
  request: Request,
  client: ConnectOptions,
  authorize: Authorize | undefined,
): Promise<Response> {
  const identity = identify(client, { url: undefined, lastEventId: undefined, peer: undefined });
  if ('status' in identity) return answer(identity);
  const headers = headersOf(client.headers);
  const body = await bodyOf(request, MOST_BYTES).catch(() => '');
  if (body === undefined) {
    const most = grouped(MOST_BYTES);
    return problem(413, `body: got more than ${most} bytes, wants at most ${most}`, headers);
  }
  try {
    const asked = parseChange(body);
    return await carryOut(asked, request, identity.userId, authorize, headers);
  } catch (error) {
    const status = statusOf(codeOf(error));
    if (status === undefined) throw error;
    return problem(status, (error as Error).message, headers);
  }
}

async function carryOut(
  { clientId, subscribe, unsubscribe, lastEventId }: ChangeRequest,
  request: Request,
  userId: string | undefined,
  authorize: Authorize | undefined,
  headers: Headers,
): Promise<Response> {
  const requested = subscribe.map(({ channel }) => channel);
  const granted = await grantedOf(requested, { clientId, userId: userId ?? null }, request, authorize);
  const begun = subscribe.filter(({ channel }) => granted.has(channel));
  const changed = native().changePage({ clientId, userId, lastEventId, unsubscribe, subscribe: begun });
  const outcome = {
    subscribed: begun.slice(0, changed.subscribed).map(({ channel }) => channel),
    unsubscribed: unsubscribe.slice(0, changed.unsubscribed),
    refused: requested.filter((channel) => !granted.has(channel)),
    error: changed.problem,
  };
  return json(changedStatus(changed), outcome, headers);
}

function changedStatus({ code }: PageChanged): number {
  return code === undefined ? 200 : (statusOf(code) ?? 503);
}

function statusOf(code: string | undefined): number | undefined {
  return code !== undefined && Object.hasOwn(STATUS, code) ? STATUS[code as ErrorCode] : undefined;
}

/** Refuses a request because of a header. */
function unfit(status: number, name: string, value: string | null, wants: string): Response {
  return problem(status, argumentError(name, value ?? undefined, wants).message);
}

function problem(status: number, error: string, headers?: Headers): Response {
  return json(status, { error }, headers);
}

function json(status: number, body: object, own = new Headers()): Response {
  const headers = new Headers(own);
  headers.set('cache-control', 'no-store');
  if (status === 503) for (const [name, value] of Object.entries(retryAfter())) headers.set(name, value);
  return Response.json(body, { status, headers });
}
