/** One line of the log. */
import type { ClientEvent, ClientStatus } from '../client/index.js';

export interface Entry {
  /** Undefined if it came before the panel was there. */
  at: Date | undefined;
  kind: 'event' | 'own' | 'state' | 'reset';
  name: string;
  id: string;
  text: string;
}

/** More would make the panel slow, and nobody reads it there. */
const LONGEST_TEXT = 10_000;

export function entryOf({ event, id, data }: ClientEvent, at: Date | undefined): Entry {
  const text = JSON.stringify(data) ?? '';
  const cut = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}… (${text.length} characters)` : text;
  return { at, kind: kindOf(event), name: event, id, text: cut };
}

function kindOf(name: string): Entry['kind'] {
  if (name === 'ssekit:reset') return 'reset';
  return name.startsWith('ssekit:') ? 'own' : 'event';
}

export function entryOfState({ state, reason, httpStatus, retryAt }: ClientStatus): Entry {
  const at = new Date();
  const wait =
    retryAt === undefined ? '' : `next attempt in ${Math.max(0, (retryAt - at.getTime()) / 1_000).toFixed(1)} s`;
  const parts = [reason, httpStatus && `status ${httpStatus}`, wait];
  return { at, kind: 'state', name: state, id: '', text: parts.filter(Boolean).join('; ') };
}

/** `text` is in lower case. */
export function matches({ name, id, text }: Entry, wanted: string): boolean {
  return [name, id, text].some((part) => part.toLowerCase().includes(wanted));
}

/** The local time, with milliseconds. */
export function timeOf(at: Date): string {
  const [hours, minutes, seconds] = [at.getHours(), at.getMinutes(), at.getSeconds()].map((n) =>
    `${n}`.padStart(2, '0'),
  );
  return `${hours}:${minutes}:${seconds}.${`${at.getMilliseconds()}`.padStart(3, '0')}`;
}
