/** A timer that does not keep the process alive. */
export function inBackground(ms: number, run: () => void): NodeJS.Timeout {
  const timer = setTimeout(run, ms);
  // In a test under jsdom, timers are numbers.
  timer.unref?.();
  return timer;
}
