/**
 * What a task resolves with, or `undefined` if it does not in time. What it throws is thrown. The task's signal is aborted by
 * `signal` too, for as long as the task runs and after it.
 */
export async function inTime<T>(
  timeoutMs: number,
  signal: AbortSignal | undefined,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error('too late')), timeoutMs);
  try {
    return await task(signal ? AbortSignal.any([signal, late.signal]) : late.signal);
  } catch (error) {
    if (late.signal.aborted && !signal?.aborted) return undefined;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
