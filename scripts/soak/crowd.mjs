/** Pages that come, stay a while, and go in every way there is, at a bounded rate. */
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from './connection.mjs';
import { MAY_BE_RESET_AFTER_MS, Page } from './page.mjs';

/** The ways a connection ends, and the weight of each. */
const ENDS = { fin: 20, reset: 20, cut: 30, replaced: 10, disconnected: 5, stalled: 10, foreign: 3, early: 2 };

/** A page's reaction to the end of its connection: it mostly comes back at once. */
const PAUSES = { short: 90, fresh: 9, long: 1 };

export class Crowd {
  connections = 0;
  /** The totals of pages that were closed for good. */
  #past = { received: 0, resumed: 0, resets: 0 };
  wrong = [];
  #watched;
  #random;
  #users;
  #perSecond;
  #meanLifeMs;
  #pages = [];
  #open = new Map();
  #created = 0;
  #waiting = [];
  #isOver = false;
  #pacing;
  #lives;

  constructor(watched, random, { pages, users, perSecond }) {
    this.#watched = watched;
    this.#random = random;
    this.#users = users;
    this.#perSecond = perSecond;
    // Less than would use the rate up, so that somebody always waits to connect.
    this.#meanLifeMs = (pages / perSecond) * 1000 * 0.7;
    this.#pages = Array.from({ length: pages }, () => this.#newPage());
  }

  /** Keeps all pages at it until `conclude`. */
  run() {
    this.#pacing = this.#pace();
    this.#lives = this.#pages.map((_, index) => this.#live(index));
  }

  get connected() {
    return this.#open.size;
  }

  get totals() {
    const sum = (name) => this.#past[name] + this.#pages.reduce((total, page) => total + page[name], 0);
    return { received: sum('received'), resumed: sum('resumed'), resets: sum('resets') };
  }

  /** Lets each page come back once more and get everything there is. Then all go. */
  async conclude(end) {
    this.#isOver = true;
    for (const go of this.#waiting.splice(0)) go();
    await Promise.all([this.#pacing, ...this.#lives]);
    const last = this.#pages.map((page) => this.#connect(page));
    const position = await end(this.#pages.map((page) => page.clientId));
    const deadline = Date.now() + 60_000;
    const isDone = () => this.#pages.every((page) => page.last === position);
    while (!isDone() && Date.now() < deadline) await delay(50);
    for (const page of this.#pages) {
      if (page.last !== position)
        this.wrong.push(`${page.clientId} has got everything up to ${page.last} of ${position}`);
      this.#collect(page);
    }
    await this.#checkTransport();
    for (const connection of last) connection.end();
    await Promise.all(last.map(({ closed }) => closed));
  }

  /** All that are there have the transport that this side is about. */
  async #checkTransport() {
    const { stats } = await this.#watched.ask('sample');
    const { [this.#watched.name]: settled } = stats.transports;
    if (settled !== this.#pages.length)
      this.wrong.push(`of ${this.#pages.length} pages: ${JSON.stringify(stats.transports)}`);
  }

  #newPage() {
    this.#created += 1;
    const isAnonymous = this.#random.fraction() < 0.1;
    const user = isAnonymous ? undefined : `user-${this.#random.below(this.#users)}`;
    return new Page(`${this.#watched.name}-${this.#created}`, user);
  }

  /** Lets those who wait connect, one after the other. */
  async #pace() {
    const started = Date.now();
    let done = 0;
    while (!this.#isOver) {
      const due = ((Date.now() - started) / 1000) * this.#perSecond;
      for (; done < due && this.#waiting.length > 0; done += 1) this.#waiting.shift()();
      // Nobody waits: what was not used is not saved up.
      done = Math.max(done, due - 1);
      await delay(10);
    }
  }

  async #live(index) {
    for (;;) {
      if (this.#isOver) return;
      await new Promise((resolve) => this.#waiting.push(resolve));
      if (this.#isOver) return;
      await this.#visit(this.#pages[index]);
      await this.#pause(index);
    }
  }

  async #visit(page) {
    const life = this.#meanLifeMs * 2 * this.#random.fraction();
    const how = this.#random.weighted(ENDS);
    const cutAfter = how === 'cut' ? 200 + this.#random.below(30_000) : undefined;
    const connection = this.#connect(page, cutAfter);
    if (how === 'early') {
      // It goes before there can be an answer.
      connection.reset();
      await connection.closed;
      return;
    }
    await Promise.race([connection.closed, delay(life)]);
    await this.#endings[how](connection, page);
    await connection.closed;
  }

  #endings = {
    fin: (connection) => connection.end(),
    reset: (connection) => connection.reset(),
    // A connection that was not cut had not got that far.
    cut: (connection) => connection.reset(),
    stalled: async (connection) => {
      connection.pause();
      await delay(this.#random.below(4_000));
      connection.resume();
      await delay(200);
      connection.reset();
    },
    replaced: async (connection, page) => {
      connection.quit();
      const newer = this.#connect(page);
      await delay(this.#random.below(500));
      // By now it is no client any more, if the newer one has arrived.
      connection.end();
      newer.end();
      await newer.closed;
    },
    disconnected: async (connection, page) => {
      await this.#watched.ask('disconnect', page.clientId);
      const patience = delay(5_000);
      await Promise.race([connection.closed, patience]);
      connection.end();
    },
    foreign: async (connection, page) => {
      const thief = new Connection(this.#watched.port, {
        path: `/sse?clientId=${page.clientId}&user=thief`,
        onEvent: ({ event }) => this.wrong.push(`another user got ${event} as ${page.clientId}`),
      });
      this.connections += 1;
      await Promise.race([thief.closed, delay(200)]);
      thief.end();
      await thief.closed;
      if (thief.status !== 0 && thief.status !== 409) this.wrong.push(`a claimed id was answered with ${thief.status}`);
      connection.end();
    },
  };

  #connect(page, cutAfter) {
    const options = { path: page.path, headers: page.headers, cutAfter };
    const connection = new Connection(this.#watched.port, { ...options, onEvent: (event) => page.take(event) });
    this.connections += 1;
    this.#open.set(connection, page);
    connection.closed.then(() => this.#open.delete(connection));
    return connection;
  }

  async #pause(index) {
    const pause = this.#random.weighted(PAUSES);
    if (pause === 'fresh') {
      this.#collect(this.#pages[index]);
      this.#pages[index] = this.#newPage();
    }
    const longest = pause === 'long' ? 5 * MAY_BE_RESET_AFTER_MS : 300;
    const until = Date.now() + longest * this.#random.fraction();
    while (Date.now() < until && !this.#isOver) await delay(Math.min(100, until - Date.now()));
  }

  #collect(page) {
    for (const name of Object.keys(this.#past)) this.#past[name] += page[name];
    page.received = 0;
    page.resumed = 0;
    page.resets = 0;
    this.wrong.push(...page.wrong.splice(0));
  }

  /** The faults so far. */
  complaints() {
    for (const page of this.#pages) this.wrong.push(...page.wrong.splice(0));
    return this.wrong;
  }
}
