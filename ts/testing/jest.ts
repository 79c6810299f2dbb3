/**
 * For `setupFilesAfterEnv` of jest, or an import at the head of a test: adds the matchers to `expect`, with their types, and lets the fake
 * begin anew before each test.
 */

import { matchers, type SSEMatchers } from './matchers.js';
import './modules.js';
import { resetFake } from './reset-fake.js';

declare global {
  namespace jest {
    // biome-ignore lint/complexity/noBannedTypes: so says @types/jest
    interface Matchers<R, T = {}> extends SSEMatchers<R> {}
  }
}

interface Runner {
  expect: { extend(matchers: object): void };
  beforeEach(run: () => void): void;
}

const { expect, beforeEach } = runner();

expect.extend(matchers);
beforeEach(resetFake);

/** With `injectGlobals: false`, jest has them in a module. */
function runner(): Runner {
  const { expect, beforeEach } = globalThis as Partial<Runner>;
  return expect && beforeEach ? { expect, beforeEach } : require('@jest/globals');
}
