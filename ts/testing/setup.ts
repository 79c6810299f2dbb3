/**
 * For `setupFiles` of jest and vitest, or `--import` of node:test: each test file has a fake from its beginning, also for modules that use
 * the hub while they are loaded. `fakeSSE()` in the file puts another one in its place.
 */
import { fakeSSE } from './fake-sse.js';

fakeSSE();
