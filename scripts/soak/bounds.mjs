/** The bounds of a working process: its memory, and its descriptors beside those of its connections. */

/** The growth of memory allowed after the warm-up, because the allocators of Node.js and of the system keep some of it. */
const MEMORY = { factor: 1.1, bytes: 16 * 2 ** 20 };

/** Descriptors beside one for each client, that is connections that are about to open or to close. */
const DESCRIPTORS = 64;

/** One process's samples against what it held after the warm-up. */
export class Bounds {
  #warmMs;
  #started = Date.now();
  #warm = [];
  #later = [];

  constructor(warmMs) {
    this.#warmMs = warmMs;
  }

  add({ rss, descriptors, stats }) {
    const sample = { rss, spare: descriptors - stats.clients };
    if (Date.now() - this.#started < this.#warmMs) return;
    // The first samples after the warm-up are what the others are held against.
    if (this.#warm.length < 3) this.#warm.push(sample);
    else this.#later.push(sample);
  }

  get text() {
    return `memory after the warm-up at most ${MEMORY.factor} times and ${MEMORY.bytes >> 20} MiB more, descriptors ${DESCRIPTORS} more`;
  }

  /** The exceeded bounds, in words. */
  complaints(name) {
    if (this.#later.length === 0) return [`${name}: too short to say anything`];
    const most = (samples, of) => Math.max(...samples.map(of));
    // The newest samples: a peak in between that was given back is no growth.
    const newest = this.#later.slice(-3);
    const [rssThen, rssNow] = [most(this.#warm, ({ rss }) => rss), Math.min(...newest.map(({ rss }) => rss))];
    const [spareThen, spareNow] = [
      most(this.#warm, ({ spare }) => spare),
      Math.min(...newest.map(({ spare }) => spare)),
    ];
    const complaints = [];
    if (rssNow > rssThen * MEMORY.factor + MEMORY.bytes)
      complaints.push(`${name}: memory has grown from ${mib(rssThen)} to ${mib(rssNow)} MiB`);
    if (spareNow > spareThen + DESCRIPTORS)
      complaints.push(`${name}: descriptors beside the clients' have grown from ${spareThen} to ${spareNow}`);
    return complaints;
  }
}

export function mib(bytes) {
  return (bytes / 2 ** 20).toFixed(1);
}
