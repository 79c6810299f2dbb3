/**
 * Stands in for the native addon in tests: `ssekit/testing` puts a fake there, and no addon is looked for.
 *
 * It is found on `globalThis`, because a test runner gives each test file its own: all copies of this package in the file share it, and
 * the next file begins without it. Jest copies `process` for each file, and vitest shares it between files, so `process` would not do.
 */
import type * as Binding from '../../binding.js';

type Native = typeof Binding;

/** The place where `ssekit/testing` leaves its service for all copies of this package in a JavaScript environment. */
export interface StandIn {
  binding?: Native | undefined;
  /** The hub of the test, with what it has noted. */
  kit?: { reset(): void } | undefined;
  /** The modules of the server by name, for a test in a page's environment, which resolves to ts/browser. */
  modules?: Record<string, () => object>;
}

/** The number is the version of the data. ts/browser knows the same name. */
const KEY = Symbol.for('ssekit.standIn.1');

const shared = globalThis as { [KEY]?: StandIn };

export function standIn(): Native | undefined {
  return shared[KEY]?.binding;
}

/** For `ssekit/testing`. */
export function standInRecord(): StandIn {
  shared[KEY] ??= {};
  return shared[KEY];
}
