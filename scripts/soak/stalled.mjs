/**
 * `npm run soak -- --stalled`: the cost of a hundred readers that have stopped reading for a thousand others. One run measures
 * without and with them, by turns, and reports the ratios. It also checks that the others get everything, and that the stalled
 * ones resume or get a reset.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Failure } from '../lib/run.mjs';
import { mib } from './bounds.mjs';
import { Connection } from './connection.mjs';
import { Page } from './page.mjs';
import { Watched } from './process.mjs';

const [HEALTHY, STALLED, ROUNDS, BROADCASTS, EVERY_MS, BYTES] = [1_000, 100, 3, 50, 100, 500];

/** More than the kernel keeps for a connection, and more than one log holds. */
const FILL = { bytes: 256 * 1024, events: 60 };

/** Far above the noise of a shared machine, far below what a queue for each client would cost. */
const MOST = { latency: 2, memory: 1.3 };

export async function measureStalled() {
  let failed = 0;
  for (const [name, transport] of Object.entries({ handoff: 'auto', stream: 'stream' }))
    failed += await measure(name, transport);
  return failed > 0 ? 1 : 0;
}

async function measure(name, transport) {
  const options = { configure: { transport }, users: 1, eventsPerSecond: 0 };
  const watched = await Watched.start(name, 'server.cjs', options);
  try {
    const crowd = new Audience(watched);
    await crowd.join(HEALTHY);
    // Once for nothing, so that what is made at first use has been made.
    await round(watched, crowd, 0);
    const rounds = { without: [], with: [] };
    for (let number = 0; number < ROUNDS; number += 1) {
      rounds.without.push(await round(watched, crowd, 0));
      rounds.with.push(await round(watched, crowd, STALLED));
    }
    crowd.check();
    return report(name, rounds);
  } finally {
    watched.stop();
  }
}

/** One measurement. Those who stall come before it and go after it. */
async function round(watched, crowd, stalled) {
  const guests = new Audience(watched, 'stalled');
  await guests.join(stalled);
  for (const connection of guests.connections) connection.pause();
  // Without them it lies in the history as well, so that this makes no difference.
  for (let event = 0; event < FILL.events; event += 1) {
    await watched.ask('fill', 'stalled', FILL.bytes, 1);
    await delay(20);
  }
  crowd.latencies = [];
  for (let number = 0; number < BROADCASTS; number += 1) {
    await watched.ask('broadcast', BYTES);
    await delay(EVERY_MS);
  }
  await crowd.settle();
  const { rss } = await watched.ask('sample');
  await guests.goOn();
  return { p50: percentile(crowd.latencies, 0.5), p99: percentile(crowd.latencies, 0.99), rss, told: guests.resets };
}

/** Pages that stay connected. */
class Audience {
  pages = [];
  connections = [];
  latencies = [];
  #watched;
  #user;

  constructor(watched, user) {
    this.#watched = watched;
    this.#user = user;
  }

  async join(count) {
    for (let number = 0; number < count; number += 1) {
      const page = new Page(`${this.#user ?? 'page'}-${performance.now()}-${number}`, this.#user);
      page.mayBeReset = this.#user !== undefined;
      this.pages.push(page);
      this.connections.push(
        new Connection(this.#watched.port, { path: page.path, onEvent: (event) => this.#take(page, event) }),
      );
      // As many at a time as the system's queue of new connections surely holds.
      if (number % 100 === 99)
        await this.#until(() => this.pages.every(({ lastEventId }) => lastEventId !== undefined));
    }
    await this.#until(() => this.pages.every(({ lastEventId }) => lastEventId !== undefined));
  }

  #take(page, event) {
    const now = performance.timeOrigin + performance.now();
    page.take(event);
    if (event.event !== 'soak') return;
    const at = /"at":([\d.]+)/.exec(event.data.slice(0, 100));
    this.latencies.push(now - Number(at?.[1]));
  }

  /** Waits until everybody has got everything. */
  async settle() {
    const { stats } = await this.#watched.ask('sample');
    await this.#until(() => this.pages.every(({ last }) => last === stats.position));
  }

  /** Those who have stalled read again: each gets to the end, over a gap that it was told of or without one. Then they go. */
  async goOn() {
    for (const connection of this.connections) connection.resume();
    if (this.pages.length > 0) await this.settle();
    for (const connection of this.connections) connection.end();
    await Promise.all(this.connections.map(({ closed }) => closed));
    this.check();
  }

  get resets() {
    return this.pages.reduce((sum, { resets }) => sum + resets, 0);
  }

  check() {
    const wrong = this.pages.flatMap(({ wrong }) => wrong);
    if (wrong.length > 0) throw new Failure(wrong.slice(0, 20).join('\n'));
  }

  async #until(condition) {
    const deadline = Date.now() + 60_000;
    while (!condition()) {
      if (Date.now() > deadline) throw new Failure(`${this.#watched.name}: some page did not get its events in time`);
      await delay(20);
    }
  }
}

function percentile(numbers, part) {
  const sorted = Float64Array.from(numbers).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

function report(name, rounds) {
  const median = (which, of) => percentile(rounds[which].map(of), 0.5);
  const both = (of) => [median('without', of), median('with', of)];
  const [[p50, p50With], [p99, p99With], [rss, rssWith]] = [both((r) => r.p50), both((r) => r.p99), both((r) => r.rss)];
  const told = rounds.with.reduce((sum, round) => sum + round.told, 0);
  const line = (what, before, after, unit) =>
    console.log(
      `  ${what}: ${before} ${unit} without, ${after} ${unit} with them: ${(after / before).toFixed(2)} times`,
    );
  console.log(
    `\n${name}: ${HEALTHY} readers, and ${STALLED} that have stalled; medians of ${ROUNDS} rounds each, by turns`,
  );
  line('latency, median', p50.toFixed(2), p50With.toFixed(2), 'ms');
  line('latency, 99th percentile', p99.toFixed(2), p99With.toFixed(2), 'ms');
  line('memory of the process', mib(rss), mib(rssWith), 'MiB');
  console.log(`  of ${STALLED * ROUNDS} that stalled, ${told} were told of a gap and the others got everything`);
  // A millisecond is what the clock and the scheduler are good for.
  const isSlow = p99With > Math.max(p99 * MOST.latency, p99 + 1);
  const isLarge = rssWith > rss * MOST.memory;
  if (isSlow) console.log(`  FAILED: the latency is more than ${MOST.latency} times as high`);
  if (isLarge) console.log(`  FAILED: the memory is more than ${MOST.memory} times as much`);
  return Number(isSlow) + Number(isLarge);
}
