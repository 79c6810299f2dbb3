/**
 * Tells each side of a port that the other side has died. A lock tells it at once, but only pages with TLS, or from the same machine, have
 * locks. Elsewhere the worker sends messages that the tab answers. The worker does, because browsers throttle the timers of hidden tabs.
 */

/** The distance of these messages. */
const PING_MS = 1_000;

/** After such a silence, the other side counts as dead. If it lives, the tab connects again, and loses nothing. */
const SILENT_MS = 3_000;

/** Holds a new lock until the signal is aborted, or the page or worker dies. Returns the name of the lock, or undefined without locks. */
export function hold(signal: AbortSignal): Promise<string | undefined> {
  const name = `ssekit ${Math.random()}`;
  return new Promise((resolve) => {
    const locks = globalThis.navigator?.locks;
    if (!locks) return resolve(undefined);
    const released = new Promise((release) => signal.addEventListener('abort', release));
    const held = locks.request(name, () => {
      resolve(name);
      return released;
    });
    // A page without an origin may not use locks.
    held.catch(() => resolve(undefined));
  });
}

/**
 * Calls back once the other side is dead, but not after the signal is aborted. `lock`: the one that the other side holds. Without it, call
 * the returned function with each message from there. `ping`: called at intervals as long as the other side lives.
 */
export function whenDead(
  lock: string | undefined,
  signal: AbortSignal,
  callback: () => void,
  ping = (): void => {},
): () => void {
  let heardAt = performance.now();
  if (lock) void navigator.locks.request(lock, { signal }, callback).catch(() => {});
  else {
    const timer = setInterval(() => {
      if (performance.now() - heardAt > SILENT_MS) callback();
      else ping();
    }, PING_MS);
    signal.addEventListener('abort', () => clearInterval(timer));
  }
  return () => {
    heardAt = performance.now();
  };
}
