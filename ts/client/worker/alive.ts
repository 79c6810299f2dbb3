/**
 * Tells each side of a port that the other side has died. A lock tells it at once, but only pages with TLS, or from the same machine, have
 * locks. Elsewhere the worker sends messages that the tab answers. The worker does, because browsers throttle the timers of hidden tabs.
 */

/** The distance of these messages. */
const PING_MS = 250;

/** After such a silence, a worker counts as dead, so its tabs go on within two seconds. If it lives, they connect again, and lose nothing. */
export const WORKER_SILENT_MS = 1_000;

/** The same for a tab. It is longer, because scripts may keep a page busy, and the other tabs do not wait for this. */
export const TAB_SILENT_MS = 3_000;

/** The most that counts for one tick of a timer. So a timer that comes late, before the messages that wait behind it, decides nothing. */
const TICK_MS = 1_000;

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
  silentMs: number,
  callback: () => void,
  ping = (): void => {},
): () => void {
  let silence = 0;
  if (lock) void navigator.locks.request(lock, { signal }, callback).catch(() => {});
  else {
    let tickedAt = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      silence += Math.min(now - tickedAt, TICK_MS);
      tickedAt = now;
      if (silence > silentMs) callback();
      else ping();
    }, PING_MS);
    signal.addEventListener('abort', () => clearInterval(timer));
  }
  return () => {
    silence = 0;
  };
}
