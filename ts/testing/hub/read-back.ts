/** Reads back what was sent. */
import type { StoredEvent } from '../../../binding.js';
import { RESERVED_PREFIX } from './checks.js';
import { evicted, unknownEvent } from './errors.js';
import type { EventLog } from './event-log.js';
import type { Timeline } from './timeline.js';

/** The newest events of a log, after the event with the id `after` if one is given. */
export function readBack(log: EventLog, timeline: Timeline, after: string | undefined, limit: number): StoredEvent[] {
  const located = after === undefined ? { cursor: log.floor } : timeline.locate(after, (id) => log.find(id, 0));
  if (!located) throw unknownEvent(after ?? '');
  const entries = log.between(located.cursor, timeline.head);
  if (!entries) throw evicted(after ?? '');
  const sent = entries.filter(({ event }) => !event.name.startsWith(RESERVED_PREFIX)).slice(-limit);
  return sent.map(({ id, event: { name, data, retry } }) => ({
    id,
    name,
    data,
    ...(retry === undefined ? {} : { retry }),
  }));
}
