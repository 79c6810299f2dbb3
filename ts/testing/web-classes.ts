/**
 * Gives jsdom Node's web classes, as far as it has none of its own. jest-environment-jsdom leaves them out, and no route handler works
 * without `Request` and `Response`.
 */
import { runInThisContext } from 'node:vm';

const NAMES = [
  'Request',
  'Response',
  'Headers',
  'fetch',
  'TextEncoder',
  'TextDecoder',
  'ReadableStream',
  'WritableStream',
  'TransformStream',
  'structuredClone',
];

export function completeWebClasses(): void {
  const missing = NAMES.filter((name) => !(name in globalThis));
  // Outside of the test's own context, there are all of them.
  for (const name of missing) {
    const value = runInThisContext(`typeof ${name} === 'undefined' ? undefined : ${name}`);
    if (value !== undefined) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
}
