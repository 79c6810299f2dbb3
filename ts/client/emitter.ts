/** Handlers by name, called in the order of their registration. */

/** Any handler: who registers one and who calls it agree on the arguments. */
// biome-ignore lint/suspicious/noExplicitAny: see above.
export type Handler = (...args: any[]) => unknown;

export interface Emitter {
  /** Returns the function that removes it. The same handler may be there twice. */
  on(name: string, handler: Handler): () => void;
  /** Those of a name. */
  of(name: string): ReadonlySet<Handler>;
  /** Calls those of a name, and returns their number. One that fails keeps no other from being called. */
  emit(name: string, value: unknown, more?: unknown): number;
}

/** `onFault`: called with what a handler throws, or its promise rejects with. */
export function createEmitter(onFault: (cause: unknown, name: string) => void): Emitter {
  const handlers = new Map<string, Set<Handler>>();
  const of = (name: string): Set<Handler> => {
    const those = handlers.get(name) ?? new Set();
    handlers.set(name, those);
    return those;
  };
  return {
    of,
    on(name, handler) {
      const own: Handler = (value, more) => handler(value, more);
      of(name).add(own);
      return () => void of(name).delete(own);
    },
    emit(name, value, more) {
      const those = [...of(name)];
      for (const handler of those) {
        try {
          (handler(value, more) as Promise<unknown> | undefined)?.then?.(undefined, (cause) => onFault(cause, name));
        } catch (cause) {
          onFault(cause, name);
        }
      }
      return those.length;
    },
  };
}
