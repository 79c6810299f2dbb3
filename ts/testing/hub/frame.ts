/** Events as they are on the wire. */
import { grouped } from '../../server/errors.js';
import { checkHeaderText, checkLength, checkNoControl, checkNotReserved } from './checks.js';
import { MOST_ID_BYTES } from './epoch.js';
import { outOfBounds } from './errors.js';
import type { Event } from './event-log.js';

/** The lines of an event up to its id. */
function head({ name, data, retry }: Event): string {
  const lines = [
    ...(name === '' ? [] : [`event: ${name}`]),
    ...(retry === undefined ? [] : [`retry: ${retry}`]),
    ...data.split(/\r\n|\r|\n/).map((line) => `data: ${line}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** A whole event. `key`: the secret at the end of its client's ids. */
export function frameOf(event: Event, id: string, key?: string): string {
  return `${head(event)}id: ${id}${key === undefined ? '' : `~${key}`}\n\n`;
}

/** Checks an event of the application. Returns its size. */
export function checkEvent(event: Event, most: number): number {
  checkNoControl('event.event', event.name);
  checkNotReserved('event.event', event.name);
  if (event.id !== undefined) {
    checkHeaderText('event.id', event.id);
    checkNotReserved('event.id', event.id);
  }
  if (event.coalesceKey !== undefined) checkLength('event.coalesceKey', event.coalesceKey);
  const bytes = sizeOf(event);
  if (bytes > most) {
    throw outOfBounds(`event: got ${grouped(bytes)} bytes, wants at most ${grouped(most)} on the wire (maxEventBytes)`);
  }
  return bytes;
}

/** Counts the longest id if the hub chooses it, as native code does. */
export function sizeOf(event: Event): number {
  return Buffer.byteLength(head(event)) + 'id: \n\n'.length + (event.id?.length ?? MOST_ID_BYTES);
}

export const HEARTBEATS = { comment: ':\n', event: 'event: ssekit:heartbeat\ndata: {}\n\n' } as const;
