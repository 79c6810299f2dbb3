/** One server and the load client, from their start to their end: what every measure is made of. */
import { setTimeout as delay } from 'node:timers/promises';
import { startHost, startLoad } from './processes.mjs';
import { processorTime } from './system.mjs';

/** The maximum time anything may take before the run is given up. */
const PATIENCE_MS = 120_000;

export class Session {
  /** The number of the next broadcast. */
  #next = 1;
  #clients = 0;
  #bystanders = 0;
  #loads;

  constructor(contender, server, load) {
    this.contender = contender;
    this.server = server;
    this.load = load;
    this.#loads = [load];
  }

  /** Runs `work` with a server that has been used a little, so that what is loaded at first use is there. */
  static async with(contender, options, work) {
    const server = await (contender.start ?? (() => startHost(contender.file, options)))(options);
    const load = startLoad();
    const session = new Session(contender, server, load);
    try {
      await session.#warmUp();
      return await work(session);
    } finally {
      await Promise.all([server, ...session.#loads].map((one) => one.stop()));
    }
  }

  async #warmUp() {
    await this.connect(100);
    await this.broadcast({ count: 20, intervalMs: 5, bytes: 150 });
    await this.disconnect();
  }

  /** Adds clients and waits until they are where they stay. */
  async connect(clients, { channel, ...how } = {}) {
    const path = channel ? `${this.server.path}&channel=${channel}` : this.server.path;
    this.#clients += clients;
    const report = await this.#connect(this.load, { ...how, path, clients }, this.#clients);
    await this.settle();
    return report;
  }

  /** Adds clients that get nothing, from a load client of their own. */
  async connectBystanders(clients) {
    const load = startLoad();
    this.#loads.push(load);
    this.#bystanders += clients;
    await this.#connect(load, { path: `${this.server.path}-bystander`, clients }, clients);
    await this.settle();
  }

  async #connect(load, { atATime = this.contender.atATime ?? 100, headers = '', next = this.#next, ...how }, expected) {
    const { port } = this.server;
    const { streams } = this.contender;
    const report = await load.ask('connect', {
      port,
      headers,
      streams,
      atATime,
      next,
      patienceMs: PATIENCE_MS,
      ...how,
    });
    const { open, gone, reasons } = report;
    if (open === expected) return report;
    throw new Error(
      `${this.contender.title}: of ${expected} clients ${open} are open, ${gone} gone: ${JSON.stringify(reasons)}`,
    );
  }

  /** Waits until the server counts the clients that there are. */
  async settle() {
    const deadline = Date.now() + PATIENCE_MS;
    while ((await this.server.ask('clients')) !== this.#clients + this.#bystanders) {
      if (Date.now() > deadline) throw new Error(`${this.contender.title}: not all clients settled`);
      await delay(10);
    }
  }

  /** Ends all connections at once. */
  async disconnect() {
    await this.load.ask('close', { reset: true });
    this.#clients = 0;
    await this.settle();
  }

  /** Lets the clients read until `work` is done: else they would only be connected. */
  async whileReading(work) {
    let done = false;
    const result = work().finally(() => {
      done = true;
    });
    while (!done) await this.load.ask('watch', { ms: 20 });
    return result;
  }

  /** Broadcasts or sends to a channel, waits until everybody but bystanders has everything, and says what that took. */
  async broadcast({ count, intervalMs, bytes, channel }) {
    const first = this.#next;
    this.#next += count;
    await this.load.ask('expect', { end: this.#next });
    const before = processorTime(this.server.pids());
    const sending = this.server.ask('broadcast', { first, count, intervalMs, bytes, channel });
    const received = await this.load.ask('collect', { targeted: 0, patienceMs: PATIENCE_MS });
    const sent = await sending;
    const processor = processorTime(this.server.pids()) - before;
    this.check(received, count);
    return { sent, received, processor, deliveries: this.#clients * count };
  }

  /** Nobody is measured who did not do the work: each client has each event, in order, once. */
  check({ open, complete, events, wrong }, count) {
    const expected = this.#clients * count;
    if (open === this.#clients && complete === open && events === expected && wrong === 0) return;
    throw new Error(
      `${this.contender.title}: ${complete} of ${open} open clients (of ${this.#clients}) have everything; ` +
        `${events} events came of ${expected}, ${wrong} of them out of order`,
    );
  }

  get clients() {
    return this.#clients;
  }

  /** Takes the numbers of `count` broadcasts, and returns the first. */
  take(count) {
    const first = this.#next;
    this.#next += count;
    return first;
  }

  /** Waits until every client has everything up to the last broadcast, and `targeted` events for single clients have come. */
  async collect({ targeted = 0 } = {}) {
    await this.load.ask('expect', { end: this.#next });
    return this.load.ask('collect', { targeted, patienceMs: PATIENCE_MS });
  }
}
