/** Notices a connection that has fallen silent: a browser never does if a network just swallows packets. */
import { after } from './timer.js';

/** A heartbeat may be late by that much. */
const LATE_MS = 1_000;

export interface Watchdog {
  /** A connection begins, or bytes came in: heartbeats as well as events. */
  heard(): void;
  /** Looks at the clocks: timers of hidden, frozen or sleeping pages come late or not at all. */
  check(): void;
  stop(): void;
}

/** Tells about a silence that is longer than two heartbeats. */
export function createWatchdog(heartbeatMs: () => number, onSilence: () => void): Watchdog {
  /** When something was heard last. The time of day may jump, and the other clock may stand still while the machine sleeps. */
  let [time, elapsed] = [0, 0];
  let cancel: (() => void) | undefined;

  function stop(): void {
    cancel?.();
    cancel = undefined;
  }

  function check(): void {
    if (!cancel) return;
    stop();
    // So the clock that has gone further counts.
    const silence = Math.max(Date.now() - time, performance.now() - elapsed);
    const left = 2 * heartbeatMs() + LATE_MS - silence;
    if (left > 0) cancel = after(left, check);
    else onSilence();
  }

  return {
    heard() {
      [time, elapsed] = [Date.now(), performance.now()];
      cancel ??= after(2 * heartbeatMs() + LATE_MS, check);
    },
    check,
    stop,
  };
}
