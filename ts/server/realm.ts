/**
 * The addon for code of another realm. A test runner gives each test file its own globals. Native code throws errors of the
 * realm that it was loaded in, so `instanceof TypeError` is false for them there. If both realms are the same, nothing is
 * wrapped.
 */

/** The same addon, but its errors belong to this realm. */
export function inThisRealm<T extends object>(binding: T): T {
  const isHere = Object.values(binding).every((value) => typeof value !== 'function' || value instanceof Function);
  return isHere ? binding : wrapped(binding);
}

/** Its functions, and the methods of the objects that they return, throw errors of this realm. */
function wrapped<T extends object>(target: T): T {
  return new Proxy(target, {
    // Native objects accept only themselves as `this` of their methods and getters.
    get: (_, key) => callable(Reflect.get(target, key), target),
  });
}

function callable(value: unknown, self: object): unknown {
  if (typeof value !== 'function') return value;
  return new Proxy(value, {
    apply: (_, __, args) => translated(() => Reflect.apply(value, self, args)),
    construct: (_, args) => translated(() => Reflect.construct(value, args)) as object,
  });
}

function translated(call: () => unknown): unknown {
  try {
    const result = call();
    return isNative(result) ? wrapped(result) : plain(result);
  } catch (error) {
    throw ofThisRealm(error);
  }
}

/** A plain object of this realm, with what it holds. */
function plain(value: unknown): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}

function isObject(value: unknown): value is object {
  return Object.prototype.toString.call(value) === '[object Object]';
}

/** Whether this is an object of one of the addon's classes, and not an array, buffer or plain object. */
function isNative(value: unknown): value is object {
  if (!isObject(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype !== null && Object.getPrototypeOf(prototype) !== null;
}

const CLASSES: Record<string, ErrorConstructor> = { TypeError, RangeError, SyntaxError };

function ofThisRealm(error: unknown): unknown {
  if (error instanceof Error || Object.prototype.toString.call(error) !== '[object Error]') return error;
  const { name, message, code, stack } = error as NodeJS.ErrnoException;
  const Class = CLASSES[name] ?? Error;
  return Object.assign(new Class(message), { code, stack });
}
