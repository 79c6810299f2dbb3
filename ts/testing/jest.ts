/**
 * For `setupFilesAfterEnv` of jest, or an import at the head of a test: adds the matchers to `expect`, with their types, and lets the fake
 * begin anew before each test.
 */

import { endOfFile } from './end-of-file.js';
import { matchers, type SSEMatchers } from './matchers.js';
import { type MockFunction, mockSSE } from './mock-sse.js';
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
  afterAll(run: () => void): void;
}

/** The part of a mock that jest has made by itself, as far as it is one of ssekit's service. */
interface AutomaticMock {
  SSEService?: { getInstance?: { mockImplementation?(implementation: () => unknown): void } };
}

/** jest gives each module its own. */
declare const jest: {
  fn: MockFunction;
  onGenerateMock?(change: (path: string, mock: AutomaticMock) => AutomaticMock): void;
};

const { expect, beforeEach, afterAll } = runner();

expect.extend(matchers);
beforeEach(resetFake);
afterAll(endOfFile);

// `jest.mock('@/features/sse')` without a factory: otherwise `getInstance()` would return nothing.
jest.onGenerateMock?.((_, mock) => {
  const { getInstance } = mock?.SSEService ?? {};
  if (getInstance?.mockImplementation) {
    const service = mockSSE(jest.fn).SSEService.getInstance();
    getInstance.mockImplementation(() => service);
  }
  return mock;
});

/** With `injectGlobals: false`, jest has them in a module. */
function runner(): Runner {
  const { expect, beforeEach, afterAll } = globalThis as Partial<Runner>;
  return expect && beforeEach && afterAll ? { expect, beforeEach, afterAll } : require('@jest/globals');
}
