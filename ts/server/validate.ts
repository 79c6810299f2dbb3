/** Checks of objects and numbers that several kinds of options share. Native code checks the bounds. */
import { argumentError, rangeError } from './errors.js';

const BOUNDS_ARE_NATIVE = 'a non-negative integer';

export function checkObject(argument: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw argumentError(argument, value, 'an object');
  return value as Record<string, unknown>;
}

export function checkNumbers(
  argument: string,
  values: Record<string, unknown>,
  known: string[],
  alsoKnown: string[] = [],
): Record<string, number> {
  const numbers: Record<string, number> = {};
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) continue;
    if (!known.includes(name)) {
      const all = [...alsoKnown, ...known].join(', ');
      throw argumentError(`${argument}.${name}`, value, `no such option; known are ${all}`);
    }
    if (typeof value !== 'number') throw argumentError(`${argument}.${name}`, value, BOUNDS_ARE_NATIVE);
    if (!Number.isSafeInteger(value) || value < 0)
      throw rangeError(`${argument}.${name}`, String(value), BOUNDS_ARE_NATIVE);
    numbers[name] = value;
  }
  return numbers;
}
