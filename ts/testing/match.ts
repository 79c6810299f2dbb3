/** Finds events that look like what a test expects. */

/** The expected parts of an event. A part that is left out may have any value. `data` may be a part of the event's data. */
export type Expected = { event?: string; data?: unknown; [part: string]: unknown };

/** A value that decides by itself, such as `expect.objectContaining(…)` of jest and vitest. */
interface Asymmetric {
  asymmetricMatch(actual: unknown): boolean;
}

/** Whether `actual` has everything that `expected` has, at any depth. Arrays have to be equal in length. */
export function matches(actual: unknown, expected: unknown): boolean {
  if (isAsymmetric(expected)) return expected.asymmetricMatch(actual);
  if (expected instanceof Date) return actual === expected.toJSON();
  if (typeof expected !== 'object' || expected === null) return Object.is(actual, expected);
  if (typeof actual !== 'object' || actual === null) return false;
  if (Array.isArray(expected)) {
    const isList = Array.isArray(actual) && actual.length === expected.length;
    return isList && expected.every((item, index) => matches(actual[index], item));
  }
  return Object.entries(expected).every(
    ([name, value]) => value === undefined || matches((actual as Record<string, unknown>)[name], value),
  );
}

function isAsymmetric(value: unknown): value is Asymmetric {
  return typeof (value as Asymmetric | null)?.asymmetricMatch === 'function';
}
