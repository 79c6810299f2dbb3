/**
 * Refuses what is too large for an event before it is encoded: encoding 500 MB takes seconds and three times the memory, on the
 * thread of whoever sends. Shared with `ssekit/publish`: nothing of Node.js here.
 */
import { rangeError } from './errors.js';

/** Below this, native code looks: nobody asks for the limit just to find that an event is small. */
const SMALL = 64 * 1024;

/** So many values are looked at before encoding. What is large beside them is found after encoding. */
const MOST_VALUES = 64;

/** Throws if `data` is sure to take more bytes than `most()` allows. It may miss something large, and reads no getter. */
export function checkSize(data: unknown, most: () => number): void {
  // The usual cases first: they cost nothing.
  if (typeof data === 'string' ? data.length > SMALL : typeof data === 'object' && data !== null) {
    checkBytes(leastBytes(data, { left: MOST_VALUES }), most);
  }
}

/** Throws if so many bytes are more than `most()` allows. */
export function checkBytes(bytes: number, most: () => number): void {
  if (bytes <= SMALL) return;
  const allowed = most();
  if (bytes > allowed)
    throw rangeError('event', `${bytes} bytes or more`, `at most ${allowed} on the wire (maxEventBytes)`);
}

/** Bytes that `value` takes in JSON at least: a character or an element each takes one, with its comma two. */
function leastBytes(value: unknown, looked: { left: number }): number {
  looked.left -= 1;
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return 0;
  if (ArrayBuffer.isView(value)) return leastBytesOfView(value);
  const isArray = Array.isArray(value);
  // What it becomes in JSON is its own business.
  if (!isArray && !isPlain(value)) return 0;
  if (Object.hasOwn(value, 'toJSON')) return 0;
  let bytes = isArray ? 2 * value.length : 0;
  for (const key of isArray ? value.keys() : Object.keys(value)) {
    if (looked.left <= 0) break;
    // A getter must be read once, by `JSON.stringify`.
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

/** In any realm: its prototype is null, or has none of its own. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
