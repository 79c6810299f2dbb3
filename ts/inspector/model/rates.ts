/** The last minute in samples, one a second: rates from the differences of counters, and gauges as they are. */
import type { SSEStats } from '../../../index';

export const WINDOW_MS = 60_000;

/** Lines come more often, but with so few events in each that the rates would flicker. */
const STEP_MS = 950;

export interface Sample {
  /** By the server's clock. */
  at: number;
  deliveries: number;
  events: number;
  bytes: number;
  clients: number;
  lagMs: number;
}

export type Measure = Exclude<keyof Sample, 'at'>;

export class Rates {
  #samples: Sample[] = [];
  #last: { now: number; stats: SSEStats } | undefined;

  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /** The next counters do not continue the last ones: another connection, or another process. */
  restart(): void {
    this.#last = undefined;
  }

  /** Returns whether there is a new sample. */
  add(now: number, stats: SSEStats): boolean {
    const last = this.#last;
    // A clock that was set back would make no sample for as long.
    if (last && now >= last.now && now - last.now < STEP_MS) return false;
    this.#last = { now, stats };
    if (!last || now <= last.now) return false;
    const rate = (name: 'deliveries' | 'events' | 'bytes'): number =>
      (Math.max(0, stats[name] - last.stats[name]) * 1_000) / (now - last.now);
    const rates = { deliveries: rate('deliveries'), events: rate('events'), bytes: rate('bytes') };
    const sample = { at: now, ...rates, clients: stats.clients, lagMs: stats.lag.ms };
    this.#samples = [...this.#samples, sample].filter(({ at }) => at <= now && at > now - WINDOW_MS - 2_000);
    return true;
  }
}
