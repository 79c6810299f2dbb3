/** An event at a page's end of a stream. */
import type { JSONValue } from '../../index';

/** An event as a page gets it. */
export interface ReceivedEvent {
  /** Its name. */
  event: string;
  /** Its data, read as JSON. */
  data: JSONValue;
  /** Its id. Heartbeats that are events have none. */
  id?: string;
}

/** ssekit's own events tell about the stream; they are not the application's. */
export const isNotice = ({ event }: ReceivedEvent): boolean => event.startsWith('ssekit:');

/** Tells in a line what was received, for messages. */
export function summaryOf(who: string, received: readonly ReceivedEvent[]): string {
  const events = received.map(({ event, data }) => `${event} ${JSON.stringify(data)}`);
  return events.length === 0 ? `${who} has received nothing.` : `${who} has received: ${events.join(', ')}.`;
}
