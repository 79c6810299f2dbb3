/**
 * For `setupFiles` of vitest, or an import at the head of a test: adds the matchers to `expect`, with their types, and lets the fake begin
 * anew before each test.
 */
// biome-ignore lint/suspicious/noTsIgnore: the application may have it, or not.
/** @ts-ignore: the application has it. */
import { afterAll, beforeEach, expect } from 'vitest';

import { endOfFile, matchers, resetFake } from './index.js';
import type { SSEMatchers } from './matchers.js';

// biome-ignore lint/suspicious/noTsIgnore: the application may have it, or not.
/** @ts-ignore: the application has it. */
declare module 'vitest' {
  interface Assertion<T> extends SSEMatchers {}
}

expect.extend(matchers);
beforeEach(resetFake);
afterAll(endOfFile);
