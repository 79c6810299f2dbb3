/** Follows a stream across all its connections, by the rules of `EventSource`. */
import { setTimeout as delay } from 'node:timers/promises';

import { EventStreamParser, type StreamEvent } from '../event-stream/parser.js';
import { CODINGS, decoded } from '../http/decode.js';
import { explain } from '../http/explain.js';
import { inTime } from '../http/in-time.js';
import type { HeaderFields, OpenResponse } from '../http/open.js';
import { type Arrival, openFollowing } from '../http/redirects.js';
import { wantsTicket } from '../http/ticket.js';
import { CannotRun } from '../usage.js';

export interface FollowOptions {
  headers: HeaderFields;
  lastEventId: string;
  signal: AbortSignal;
}

export type Notice =
  | { kind: 'open'; url: URL; response: OpenResponse }
  | { kind: 'event'; event: StreamEvent }
  /** An event was too long to keep. */
  | { kind: 'dropped' }
  /** The connection is lost or could not be restored. The next attempt follows after `waitMs`. */
  | { kind: 'lost'; reason: string; waitMs: number }
  /** The server's answer is not a stream. No further attempt follows. */
  | { kind: 'refused'; reason: string };

/** The standard leaves this to the browsers. They wait two to three seconds, unless the stream says otherwise. */
const DEFAULT_RETRY_MS = 3000;

/** The minimum, no matter what the stream says. With a retry of 0 this loop would keep both sides busy. */
const MIN_RETRY_MS = 250;

/** The maximum time until an answer begins. */
const ANSWER_MS = 60_000;

/** The longest delay. Attempts become rarer while the server does not come back. */
const MAX_BACKOFF_MS = 30_000;

/** The longest delay of a timer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A proxy's answers while the server behind it restarts. A browser would give up here. */
const PASSING = [502, 503, 504];

/** Ends by itself only if the server refuses, or if the first connection fails. In the second case it throws the error. */
export async function* follow(url: URL, options: FollowOptions): AsyncGenerator<Notice> {
  const { signal } = options;
  const state = { retryMs: DEFAULT_RETRY_MS, lastEventId: options.lastEventId };
  let failures = 0;
  for (let connections = 0; !signal.aborted; ) {
    let reason = 'the connection was closed';
    try {
      const request = { standard: standardFields(state.lastEventId), headers: options.headers };
      const arrival = await inTime(ANSWER_MS, signal, (signal) => openFollowing(url, { ...request, signal }));
      if (!arrival) throw new CannotRun(`${url.host}: no answer within ${ANSWER_MS / 1000} s`);
      const refusal = refusalOf(arrival);
      if (refusal && !(connections > 0 && PASSING.includes(arrival.response.status))) {
        arrival.response.close();
        yield { kind: 'refused', reason: refusal };
        return;
      }
      if (refusal) throw new Error(refusal);
      connections += 1;
      failures = 0;
      yield { kind: 'open', url: arrival.url, response: arrival.response };
      yield* read(arrival.response, state);
    } catch (error) {
      if (signal.aborted) return;
      if (connections === 0) throw error;
      failures += 1;
      reason = explain(error)?.seen ?? (error as Error).message;
    }
    if (signal.aborted) return;
    const backoff = failures > 1 ? Math.min(state.retryMs * 2 ** (failures - 1), MAX_BACKOFF_MS) : 0;
    const waitMs = Math.min(Math.max(state.retryMs, MIN_RETRY_MS, backoff), MAX_TIMER_MS);
    yield { kind: 'lost', reason, waitMs };
    await delay(waitMs, undefined, { signal }).catch(() => {});
  }
}

function standardFields(lastEventId: string): HeaderFields {
  const standard = { accept: 'text/event-stream', 'cache-control': 'no-cache', 'accept-encoding': CODINGS };
  // As browsers send it: the bytes of its UTF-8 form.
  const id = Buffer.from(lastEventId).toString('latin1');
  // Some ids cannot be sent. Then the stream starts anew.
  return { ...standard, ...(/^[\t\x20-\x7e\x80-\xff]+$/.test(id) && { 'last-event-id': id }) };
}

/** The reason why a response is not a stream that can be followed. */
function refusalOf({ response }: Arrival): string | undefined {
  const { status, headers } = response;
  const type = headers['content-type'] ?? '';
  if (status === 204) return 'the server answered 204: the stream is over';
  if (wantsTicket(status, headers)) {
    return 'the server answered 401: it wants a ticket that is not used up or expired. Add one to the address: ?ticket=…';
  }
  if (status === 401 || status === 403) {
    return `the server answered ${status}: it does not know the user. Pass the session: --header 'Cookie: …'`;
  }
  if (status !== 200) return `the server answered ${status}`;
  if (!/^text\/event-stream *(;|$)/i.test(type))
    return `the server answered with ${type || 'no content type'}, not with text/event-stream`;
  return undefined;
}

async function* read(response: OpenResponse, state: { retryMs: number; lastEventId: string }): AsyncGenerator<Notice> {
  const body = decoded(response.body, response.headers['content-encoding']);
  if (!body) throw new Error(`the response has an unknown Content-Encoding: ${response.headers['content-encoding']}`);
  const notices: Notice[] = [];
  const listener = {
    onEvent: (event: StreamEvent) => notices.push({ kind: 'event', event }),
    onOverlong: () => notices.push({ kind: 'dropped' }),
    onRetry: (milliseconds: number) => {
      state.retryMs = milliseconds;
    },
  };
  const parser = new EventStreamParser(listener, state.lastEventId);
  try {
    for await (const bytes of body) {
      parser.push(bytes);
      state.lastEventId = parser.lastEventId;
      yield* notices.splice(0);
    }
  } finally {
    response.close();
  }
}
