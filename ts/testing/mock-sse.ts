/** For `jest.mock('@/features/sse')`: a service of mock functions that behaves like one. */
import type { SSEService } from '../../index';
import { SSEService as Service } from '../server/service.js';
import { standInRecord } from '../server/stand-in.js';
import { fakeSSE } from './fake-sse.js';

/** `jest.fn` or `vi.fn`. */
export type MockFunction = (implementation: (...args: never[]) => unknown) => unknown;

/**
 * Makes a mock of a module that exports `SSEService`: every method is a mock function, and does what the hub of the test does. Without
 * one, a fake comes into place. `vi.mock('@/features/sse', async () => (await import('ssekit/testing')).mockSSE(vi.fn))`.
 */
export function mockSSE(fn: MockFunction): { SSEService: typeof SSEService } {
  if (!standInRecord().binding) fakeSSE();
  const service = Service.getInstance();
  const mocked = Object.create(Service.prototype) as Record<string, unknown>;
  for (const name of Object.getOwnPropertyNames(Service.prototype)) {
    if (name === 'constructor') continue;
    const method = Reflect.get(service, name) as (...args: unknown[]) => unknown;
    mocked[name] = fn((...args) => {
      const result = Reflect.apply(method, service, args);
      return result === service ? mocked : result;
    });
  }
  const statics = {
    getInstance: fn(() => mocked),
    configure: fn((...args: Parameters<typeof Service.configure>) => Service.configure(...args) && mocked),
  };
  return { SSEService: Object.assign(() => {}, statics) as unknown as typeof SSEService };
}
