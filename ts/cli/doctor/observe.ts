/** Opens a stream like a browser, and records what comes when. */
import { setTimeout as delay } from 'node:timers/promises';

import { EventStreamParser, type StreamEvent } from '../event-stream/parser.js';
import { CODINGS, decoded } from '../http/decode.js';
import { inTime } from '../http/in-time.js';
import { type HeaderFields, open } from '../http/open.js';
import { type Arrival, openFollowing } from '../http/redirects.js';
import { shortened } from '../output.js';
import { isCarriedByNode, isDirect } from './carrier.js';
import { firstEvent, type Head, isStream, type Observation, type Piece, READY } from './observation.js';

export interface ObserveOptions {
  headers: HeaderFields;
  timeoutMs: number;
  waitMs: number;
}

const BROWSER_FIELDS = {
  accept: 'text/event-stream',
  'accept-encoding': CODINGS,
  'accept-language': 'en',
  'cache-control': 'no-cache',
  'user-agent': 'Mozilla/5.0 (compatible; ssekit doctor)',
};

/** Data that is read at once has arrived at once: two heartbeats in one piece were not sent at one moment. */
const SAME_MOMENT_MS = 20;

/** Throws any error that prevents an answer, except silence. */
export async function observe(url: URL, options: ObserveOptions): Promise<Observation> {
  const { timeoutMs, waitMs } = options;
  const start = performance.now();
  const arrival = await inTime(timeoutMs, undefined, (signal) =>
    openFollowing(url, { standard: BROWSER_FIELDS, headers: options.headers, signal }),
  );
  if (!arrival) {
    const headAlone = await observeHead(url, { ...BROWSER_FIELDS, ...options.headers }, timeoutMs);
    return { url, redirects: [], timeoutMs, waitMs, body: [], ...(headAlone && { headAlone }) };
  }
  const { status, headers: fields, httpVersion } = arrival.response;
  const head = { status, headers: fields, httpVersion, atMs: performance.now() - start };
  const seen: Observation = { url: arrival.url, redirects: arrival.redirects, timeoutMs, waitMs, head, body: [] };
  try {
    if (isStream(head)) await watch(seen, arrival, start);
  } finally {
    arrival.response.close();
  }
  if (!seen.end && firstEvent(seen)?.event.event === READY && isDirect(seen.url, head)) {
    seen.isCarriedByNode = await isCarriedByNode(seen.url, arrival.headers);
  }
  return seen;
}

async function observeHead(url: URL, headers: HeaderFields, timeoutMs: number): Promise<Head | undefined> {
  const start = performance.now();
  try {
    const response = await inTime(timeoutMs, undefined, (signal) => open(url, { method: 'HEAD', headers, signal }));
    if (!response) return undefined;
    response.close();
    const { status, headers: fields, httpVersion } = response;
    return { status, headers: fields, httpVersion, atMs: performance.now() - start };
  } catch {
    // This only serves to explain the silence.
    return undefined;
  }
}

/** Reads until the first event has come and the waiting time is over, or until the response ends. */
async function watch(seen: Observation, { response }: Arrival, start: number): Promise<void> {
  const body = decoded(response.body, response.headers['content-encoding']);
  if (!body) return;
  const now = (): number => performance.now() - start;
  let begin = (): void => {};
  const hasBegun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  body.on('data', recorder(seen, now, begin));
  const isOver = new Promise<void>((resolve) => {
    const end = (error?: Error): void => {
      seen.end ??= { atMs: now(), ...(error && { error: error.message }) };
      resolve();
    };
    body.once('end', () => end()).once('error', end);
  });
  await Promise.race([isOver, enough(seen, hasBegun)]);
  body
    .removeAllListeners('data')
    .on('error', () => {})
    .destroy();
}

/** Resolves when the waiting time is over, and the first event has come or is overdue. */
async function enough({ waitMs, timeoutMs }: Observation, hasBegun: Promise<void>): Promise<void> {
  await delay(waitMs, undefined, UNREFERENCED);
  await Promise.race([delay(Math.max(0, timeoutMs - waitMs), undefined, UNREFERENCED), hasBegun]);
}

/** The socket itself keeps the process alive. */
const UNREFERENCED = { ref: false };

function recorder(seen: Observation, now: () => number, begin: () => void): (bytes: Buffer) => void {
  let piece: Piece | undefined;
  let hasBegun = false;
  const parser = new EventStreamParser({
    onEvent: (event) => {
      // No other event is used, and there may be millions.
      if (!hasBegun) piece?.events.push(headOf(event));
      hasBegun = true;
      begin();
    },
    onComment: () => {
      if (piece) piece.comments += 1;
    },
  });
  return (bytes) => {
    const atMs = now();
    if (!piece || atMs - piece.atMs > SAME_MOMENT_MS) {
      piece = { atMs, events: [], comments: 0 };
      record(seen.body, piece);
    }
    parser.push(bytes);
  };
}

/** Reports show only an event's name. */
function headOf({ event, lastEventId }: StreamEvent): StreamEvent {
  return { event: shortened(event, MAX_NAME), data: '', lastEventId: shortened(lastEventId, MAX_NAME) };
}

const MAX_NAME = 200;

/** Shorter silence is ignored, so the pieces in between need not be kept. */
const SHORT_SILENCE_MS = 400;

/**
 * Adds a piece. If many pieces follow each other closely, only the first and the last are kept, so a whole day of them fits
 * in memory.
 */
function record(body: Piece[], piece: Piece): void {
  const [before, last] = body.slice(-2);
  if (before && last && last.events.length === 0 && piece.atMs - before.atMs < SHORT_SILENCE_MS) {
    before.comments = Math.max(before.comments, last.comments);
    body.pop();
  }
  body.push(piece);
}
