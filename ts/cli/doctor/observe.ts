/** Opens a stream as a browser would, and notes what comes when. */
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

import { EventStreamParser } from '../event-stream/parser.js';
import { CODINGS, decoded } from '../http/decode.js';
import { type HeaderFields, open } from '../http/open.js';
import { type Arrival, openFollowing } from '../http/redirects.js';
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

/** What is read at once has arrived at once: two heartbeats in one piece were not sent in one moment. */
const SAME_MOMENT_MS = 20;

/** Throws what keeps it from getting any answer but silence. */
export async function observe(url: URL, options: ObserveOptions): Promise<Observation> {
  const { timeoutMs, waitMs } = options;
  const headers = { ...BROWSER_FIELDS, ...options.headers };
  const start = performance.now();
  const arrival = await inTime(timeoutMs, (signal) => openFollowing(url, { headers, signal }));
  if (!arrival) {
    const headAlone = await observeHead(url, headers, timeoutMs);
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
    seen.isCarriedByNode = await isCarriedByNode(seen.url, headers);
  }
  return seen;
}

async function observeHead(url: URL, headers: HeaderFields, timeoutMs: number): Promise<Head | undefined> {
  const start = performance.now();
  try {
    const response = await inTime(timeoutMs, (signal) => open(url, { method: 'HEAD', headers, signal }));
    if (!response) return undefined;
    response.close();
    const { status, headers: fields, httpVersion } = response;
    return { status, headers: fields, httpVersion, atMs: performance.now() - start };
  } catch {
    // It only serves to explain the silence.
    return undefined;
  }
}

/** Reads until the first event is there and the time to wait is over, or the response is. */
async function watch(seen: Observation, { response }: Arrival, start: number): Promise<void> {
  const body = decoded(response.body, response.headers['content-encoding']);
  if (!body) return;
  const now = (): number => performance.now() - start;
  body.on('data', recorder(seen, now));
  const isOver = new Promise<void>((resolve) => {
    const end = (error?: Error): void => {
      seen.end ??= { atMs: now(), ...(error && { error: error.message }) };
      resolve();
    };
    body.once('end', () => end()).once('error', end);
  });
  await Promise.race([isOver, enough(seen, body)]);
  body
    .removeAllListeners('data')
    .on('error', () => {})
    .destroy();
}

/** Resolves when the time to wait is over and the first event is there, or will not come any more. */
async function enough(seen: Observation, body: Readable): Promise<void> {
  const { waitMs, timeoutMs } = seen;
  await delay(waitMs, undefined, UNREFERENCED);
  const late = delay(Math.max(0, timeoutMs - waitMs), 'late', UNREFERENCED);
  while (!firstEvent(seen)) {
    const what = await Promise.race([late, once(body, 'data').catch(() => 'over')]);
    if (what === 'late' || what === 'over') return;
  }
}

/** The socket that is waited for keeps the process alive. */
const UNREFERENCED = { ref: false };

function recorder(seen: Observation, now: () => number): (bytes: Buffer) => void {
  let piece: Piece | undefined;
  const parser = new EventStreamParser({
    onEvent: (event) => piece?.events.push(event),
    onComment: () => {
      if (piece) piece.comments += 1;
    },
  });
  return (bytes) => {
    const atMs = now();
    if (!piece || atMs - piece.atMs > SAME_MOMENT_MS) {
      piece = { atMs, events: [], comments: 0 };
      seen.body.push(piece);
    }
    parser.push(bytes);
  };
}

/** What a task resolves with, or `undefined` if it does not in time. What it throws is thrown. */
async function inTime<T>(timeoutMs: number, task: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error('too late')), timeoutMs);
  try {
    return await task(late.signal);
  } catch (error) {
    if (late.signal.aborted) return undefined;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
