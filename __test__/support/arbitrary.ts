/** Random events for property tests: everything that may be sent. */
import fc from 'fast-check';

const COMMON = [
  '\r',
  '\n',
  '\r\n',
  ' ',
  ':',
  'data: ',
  '\0',
  '\ufeff',
  '\u0085',
  '\u2028',
  '😀',
  '__proto__',
  'constructor',
];

/** Any string of JavaScript's, halves of surrogate pairs too. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
  fc.array(fc.constantFrom(...COMMON)).map((parts) => parts.join('')),
);

/** JSON text as `JSON.stringify` writes it. */
export const json = fc
  .anything({ key: text, values: [text, fc.boolean(), fc.constant(null), fc.double(), fc.integer()], maxDepth: 4 })
  .map((value) => JSON.stringify(value))
  // Once more, because an object's integer-like keys may change their place.
  .map((json) => JSON.stringify(JSON.parse(json)));

/** A name that may be sent: no control characters, no half of a surrogate pair. */
export const name = fc
  .oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.constantFrom(...COMMON))
  .map((name) => name.replaceAll(/\p{Cc}/gu, ''))
  .filter((name) => !name.startsWith('ssekit:'));

/** An id that may be sent: printable ASCII without spaces at its ends. */
export const id = fc
  .string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength: 256 })
  .map((id) => id.trim())
  .filter((id) => id !== '' && !id.startsWith('ssekit:'));

/** One call: to whom, and what. */
export const event = fc.record(
  {
    to: fc.constantFrom('user' as const, 'client' as const, 'all' as const),
    event: name,
    json,
    id,
    retry: fc.maxSafeNat(),
  },
  { requiredKeys: ['to', 'event', 'json'] },
);

/**
 * The way in which properties run. A lost event never arrives, so each run has a deadline, and so has the search for a smaller
 * counterexample: fast-check must report, with its seed, before the test runner gives up.
 */
export const RUNS = { numRuns: 50, timeout: 10_000, interruptAfterTimeLimit: 30_000 };
