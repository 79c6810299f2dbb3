/** The same as `ssekit/testing/jest`, with types for tests that import `expect` from `@jest/globals`. */
import './jest.js';
import type { SSEMatchers } from './matchers.js';

// biome-ignore lint/suspicious/noTsIgnore: the application may have it, or not.
/** @ts-ignore: the application has it. */
declare module '@jest/expect' {
  interface Matchers<R extends void | Promise<void>> extends SSEMatchers<R> {}
}
