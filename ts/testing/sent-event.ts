/** An event as it was sent. */
import type { JSONValue } from '../../index';

/** An event that the code under test has sent. */
export interface SentEvent {
  /** The receivers: a user, a client, a channel, or everybody. */
  to: 'user' | 'client' | 'channel' | 'everybody';
  /** The user, if it was sent to one. */
  userId?: string;
  /** The client, if it was sent to one. */
  clientId?: string;
  /** The channel, if it was sent to one. */
  channel?: string;
  /** The client that a broadcast left out. */
  excludeClientId?: string;
  /** Its name; `message` if it was sent without. */
  event: string;
  /** Its data as a page gets it: what JSON has made of it. */
  data: JSONValue;
  /** Its id, if the application has given one. */
  id?: string;
  /** Its `retry`, if it has one. */
  retry?: number;
  /** Its `coalesceKey`, if it has one. */
  coalesceKey?: string;
  /** The number of connected clients that it was addressed to, as the call returned it. */
  receivers: number;
}

/** Tells one event in a line, for messages. */
export function lineOf({ to, userId, clientId, channel, event, data, receivers }: SentEvent): string {
  const whom = to === 'everybody' ? 'everybody' : `${to} ${JSON.stringify(userId ?? clientId ?? channel)}`;
  return `${event} ${shortened(JSON.stringify(data))} to ${whom} (${receivers} connected)`;
}

/** Tells all of them, in the order in which they were sent. */
export function linesOf(sent: readonly SentEvent[]): string {
  if (sent.length === 0) return 'Nothing was sent.';
  const lines = sent
    .slice(-MOST_LINES)
    .map((event, index) => `  ${sent.length - Math.min(sent.length, MOST_LINES) + index + 1}. ${lineOf(event)}`);
  const left = sent.length - lines.length;
  return [`Sent (${sent.length}):`, ...(left > 0 ? [`  … ${left} earlier`] : []), ...lines].join('\n');
}

const MOST_LINES = 30;

const MOST_CHARACTERS = 200;

function shortened(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
}
