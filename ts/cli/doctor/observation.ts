/** What can be seen of a stream from outside, before anything is concluded from it. */
import type { StreamEvent } from '../event-stream/parser.js';
import type { HeaderFields } from '../http/open.js';
import type { Redirect } from '../http/redirects.js';

export interface Observation {
  /** Where the redirects have led. */
  url: URL;
  redirects: Redirect[];
  /** How long an answer, and then the first event, was waited for. */
  timeoutMs: number;
  /** How long the stream was to be kept open. */
  waitMs: number;
  /** Missing: none came in time. */
  head?: Head;
  /** Where no head came in time: that of a `HEAD` request, which is answered without a stream. */
  headAlone?: Head;
  /** Content codings and framings are undone, if they are known. */
  body: Piece[];
  /** Missing where nothing could be told. */
  isCarriedByNode?: boolean;
  /** The response is over, or broke. */
  end?: { atMs: number; error?: string };
}

export interface Head {
  status: number;
  headers: HeaderFields;
  httpVersion: string;
  /** Milliseconds since the request was begun, as every `atMs` here. */
  atMs: number;
}

/** What arrived at one moment. */
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
