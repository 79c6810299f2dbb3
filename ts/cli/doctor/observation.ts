/** Observations of a stream from outside, before any conclusions. */
import type { StreamEvent } from '../event-stream/parser.js';
import type { HeaderFields } from '../http/open.js';
import type { Redirect } from '../http/redirects.js';

export interface Observation {
  /** The URL after all redirects. */
  url: URL;
  redirects: Redirect[];
  /** The maximum wait for an answer, and then for the first event. */
  timeoutMs: number;
  /** The time to keep the stream open. */
  waitMs: number;
  /** Missing if no head came in time. */
  head?: Head;
  /** If no head came in time: the head for a `HEAD` request, which is answered without a stream. */
  headAlone?: Head;
  /** Known content codings and framings are removed. */
  body: Piece[];
  /** Missing if this could not be found out. */
  isCarriedByNode?: boolean;
  /** Present if the response is over or broke off. */
  end?: { atMs: number; error?: string };
}

export interface Head {
  status: number;
  headers: HeaderFields;
  httpVersion: string;
  /** Milliseconds since the request began, like every `atMs` here. */
  atMs: number;
}

/** The data that arrived at one moment. */
export interface Piece {
  atMs: number;
  events: StreamEvent[];
  comments: number;
}

/** The first event that ssekit sends on each connection. */
export const READY = 'ssekit:ready';

export function isStream({ status, headers }: Head): boolean {
  return status === 200 && /^text\/event-stream *(;|$)/i.test(headers['content-type'] ?? '');
}

export function firstEvent(seen: Observation): { atMs: number; event: StreamEvent } | undefined {
  const piece = seen.body.find(({ events }) => events.length > 0);
  return piece && { atMs: piece.atMs, event: piece.events[0] as StreamEvent };
}
