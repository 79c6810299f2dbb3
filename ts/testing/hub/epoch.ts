/** Ids of events: the one sequence of a hub, and the secrets at the end of some. */
import { randomInt } from 'node:crypto';

/** A place in the hub's one sequence. The first event has 1; 0 is before everything. */
export type Position = number;

/** Without the letters i, l, o and u, because people read ids aloud when they debug. */
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';

const random = (length: number): string => Array.from({ length }, () => DIGITS[randomInt(DIGITS.length)]).join('');

/** As native code reserves for an id: epoch, dot, twenty digits. */
export const MOST_ID_BYTES = 31;

export class Epoch {
  readonly name = random(10);

  id(position: Position): string {
    return `${this.name}.${position}`;
  }

  /** The position that an id of this epoch names. */
  positionOf(id: string): Position | undefined {
    const [epoch, digits = '', ...rest] = id.split('.');
    const isOurs = epoch === this.name && rest.length === 0 && /^(0|[1-9]\d*)$/.test(digits);
    return isOurs ? Number(digits) : undefined;
  }
}

/** A secret that lets an anonymous client continue as the one with its id. */
export const newKey = (): string => random(16);

/** The id before a key, and the key, if the id ends with what looks like one. */
export function splitKey(id: string): { bare: string; key: string } | undefined {
  const [, bare, key] = /^(.*)~([0-9a-hjkmnp-tv-z]{16})$/s.exec(id) ?? [];
  return bare === undefined || key === undefined ? undefined : { bare, key };
}
