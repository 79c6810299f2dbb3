/** Timers whose delay may be anything that a server asks for. */

/** Runs a function later; returns the function that takes that back. */
export function after(ms: number, run: () => void): () => void {
  // Eleven days. From 25 days on, a delay would be none.
  const timer = setTimeout(run, Math.min(ms, 1e9));
  return () => clearTimeout(timer);
}

/** Resolves after `ms` milliseconds, or as soon as the signal is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = after(ms, resolve);
    signal.addEventListener('abort', () => resolve(cancel()));
  });
}
