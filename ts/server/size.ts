/**
 * Refuses data that is too large for an event before encoding it. Encoding 500 MB takes seconds and three times the memory,
 * on the sender's thread. `ssekit/publish` shares this module, so it imports nothing from Node.js.
 */
import { grouped, rangeError } from './errors.js';

/** Native code checks events below this size. So small events need no call to ask for the limit. */
const SMALL = 64 * 1024;

/** The maximum number of values checked before encoding. Other large values are found after encoding. */
const MOST_VALUES = 64;

/** Throws if `data` certainly takes more bytes than `most()` allows. It may miss large values, and reads no getters. */
export function checkSize(data: unknown, most: () => number): void {
  // The usual cases cost nothing.
  if (typeof data === 'string' ? data.length > SMALL : typeof data === 'object' && data !== null) {
    checkBytes(leastBytes(data, { left: MOST_VALUES }), most);
  }
}

/** Throws if `bytes` is more than `most()` allows. */
export function checkBytes(bytes: number, most: () => number): void {
  if (bytes <= SMALL) return;
  const allowed = most();
  if (bytes > allowed)
    throw rangeError(
      'event',
      `${grouped(bytes)} bytes or more`,
      `at most ${grouped(allowed)} on the wire (maxEventBytes)`,
    );
}

/**
 * The least number of bytes that `value` takes in JSON. Each character takes at least one, and each element two with its
 * comma.
 */
function leastBytes(value: unknown, looked: { left: number }): number {
  looked.left -= 1;
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return 0;
  if (ArrayBuffer.isView(value)) return leastBytesOfView(value);
  const isArray = Array.isArray(value);
  // Such an object decides for itself what it becomes in JSON.
  if (!isArray && !isPlain(value)) return 0;
  if (Object.hasOwn(value, 'toJSON')) return 0;
  let bytes = isArray ? 2 * value.length : 0;
  for (const key of isArray ? value.keys() : Object.keys(value)) {
    if (looked.left <= 0) break;
    // Only `JSON.stringify` may read a getter, and only once.
    bytes += leastBytes(Object.getOwnPropertyDescriptor(value, key)?.value, looked);
  }
  return bytes;
}

/** `JSON.stringify` writes each element of a typed array, and of a `Buffer`, as a number. */
function leastBytesOfView(view: ArrayBufferView): number {
  const { toJSON, length = 0 } = view as { toJSON?: unknown; length?: number };
  const isBuffer = toJSON !== undefined && toJSON === globalThis.Buffer?.prototype.toJSON;
  return toJSON === undefined || isBuffer ? 2 * length : 0;
}

/** Works in any realm: the prototype is null, or has no prototype itself. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
