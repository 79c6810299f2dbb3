/** Notices that the server, or its history, is not the one of before. */
import type { SSEStats } from '../../../index';
import type { Hello } from '../wire/lines.js';

const COUNTERS = ['connects', 'events', 'deliveries', 'bytes'] as const;

export class Continuity {
  #node: string | null | undefined;
  #epoch: string | undefined;
  #stats: SSEStats | undefined;

  /** Returns what has changed, in sentences. */
  atHello({ node, epoch }: Hello): string[] {
    const said: string[] = [];
    if (this.#node !== undefined && node !== this.#node) {
      said.push(`Now this page watches node ${node ?? '(none)'}. Before, it was ${this.#node ?? '(none)'}.`);
      // The counters of two processes have nothing to do with each other.
      this.#stats = undefined;
    }
    this.#node = node;
    return [...said, ...this.#atEpoch(epoch)];
  }

  /** Returns what has changed, in sentences; `isRestart`: the counters do not continue. */
  atStats(stats: SSEStats): { said: string[]; isRestart: boolean } {
    const last = this.#stats;
    this.#stats = stats;
    const isRestart = last !== undefined && COUNTERS.some((name) => stats[name] < last[name]);
    const said = isRestart ? ['The server restarted: its counters began again.'] : [];
    return { said: [...said, ...this.#atEpoch(stats.epoch)], isRestart };
  }

  #atEpoch(epoch: string): string[] {
    const last = this.#epoch;
    // It is empty until the hub has started.
    this.#epoch = epoch || last;
    return last && epoch && epoch !== last
      ? [`The history began anew. Its epoch is ${epoch}; before, it was ${last}.`]
      : [];
  }
}
