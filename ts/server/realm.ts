/**
 * The addon as code of another realm sees it: a test runner gives each test file globals of its own, while native code throws the
 * errors of the realm that it was loaded in, for which `instanceof TypeError` is false there. Where both are the same, nothing is
 * wrapped.
 */

/** The same addon, whose errors are this realm's. */
export function inThisRealm<T extends object>(binding: T): T {
  const isHere = Object.values(binding).every((value) => typeof value !== 'function' || value instanceof Function);
  return isHere ? binding : wrapped(binding);
}

/** Its functions, and the methods of the objects that they make, throw errors of this realm. */
function wrapped<T extends object>(target: T): T {
  return new Proxy(target, {
    // Native objects know their own methods and getters only as `this`.
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
    return isNative(result) ? wrapped(result) : result;
  } catch (error) {
    throw ofThisRealm(error);
  }
}

/** An object of a class of the addon's, and no array, buffer or plain object. */
function isNative(value: unknown): value is object {
  if (Object.prototype.toString.call(value) !== '[object Object]') return false;
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
