/**
 * Pages that come back by their tickets, while connections are cut, the server is killed and replaced, and users are logged out: each page
 * gets each event once, in order, and nobody comes in by a session that has ended.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

const USERS = 6;
const PAGES_OF_EACH = 4;
const ROUNDS = 40;

/** `SSEKIT_RUNS` is the number of seeds. */
const SEEDS = Array.from({ length: Number(process.env.SSEKIT_RUNS || 2) }, (_, index) => index + 1);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ssekit-resume-chaos-'));
});
afterEach(async () => {
  closeClients();
  await stopEvaluators();
  rmSync(folder, { recursive: true, force: true });
});

/** A server on the folder. `/sse` asks for the session, and `sessions` are those that are good. */
async function start(sessions: Record<string, number>): Promise<{ server: Evaluator; port: number }> {
  const server = await Evaluator.start({ backplane: { file: folder } });
  const port = await server.evaluate(async ({ require, sse, handleSSE, state }, sessions) => {
    await sse.ready();
    state.sessions = sessions;
    const http = require('node:http').createServer((req: { headers: { cookie: string } }, res: never) => {
      const [, user = '', session] = /session=(\w+)-(\d+)/.exec(req.headers.cookie) ?? [];
      if (state.sessions[user] !== Number(session))
        return (res as { writeHead(status: number): { end(): void } }).writeHead(401).end();
      return handleSSE(req as never, res, { userId: user, resume: { ttl: 600 } });
    });
    await new Promise<void>((listening) => http.listen(0, '127.0.0.1', listening));
    return http.address().port as number;
  }, sessions);
  return { server, port };
}

/** A page that always comes back. */
class Page {
  readonly user: string;
  readonly received: string[] = [];
  resets = 0;
  refusals = 0;
  #session = 1;
  #ticket: string | undefined;
  #lastEventId: string | undefined;
  #client: RawClient | undefined;
  #isOver = false;
  readonly #path: string;
  readonly #port: () => number;

  constructor(user: string, tab: number, port: () => number) {
    this.user = user;
    this.#path = `/sse?clientId=${user}-${tab}`;
    this.#port = port;
    void this.#live();
  }

  cut(): void {
    this.#client?.destroy();
  }

  end(): void {
    this.#isOver = true;
    this.cut();
  }

  async #live(): Promise<void> {
    while (!this.#isOver) {
      try {
        await this.#stream();
      } catch {
        // Nobody listens now.
      }
      await new Promise((later) => setTimeout(later, 5));
    }
  }

  async #stream(): Promise<void> {
    const cookie = [`session=${this.user}-${this.#session}`, ...(this.#ticket ? [this.#ticket] : [])].join('; ');
    const headers = {
      accept: 'text/event-stream',
      cookie,
      ...(this.#lastEventId && { 'last-event-id': this.#lastEventId }),
    };
    const client = await RawClient.request(this.#port(), { path: this.#path, headers });
    this.#client = client;
    let taken = 0;
    while (true) {
      if (client.status === 401) {
        this.refusals += 1;
        this.#session += 1;
        client.destroy();
        return;
      }
      this.#ticket = /\r\nset-cookie: (ssekit-[^;]+)/i.exec(client.headText)?.[1] ?? this.#ticket;
      const events = client.events();
      for (const { event, data, id } of events.slice(taken)) {
        this.#lastEventId = id ?? this.#lastEventId;
        if (event === 'ssekit:reset') this.resets += 1;
        else if (event === 'news') this.received.push(JSON.parse(data));
      }
      taken = events.length;
      if (client.ended) return;
      await new Promise((later) => setTimeout(later, 2));
    }
  }
}

/** Numbers that are the same in each run. */
function* numbers(seed: number): Generator<number, never> {
  let state = seed;
  while (true) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    yield state / 2 ** 31;
  }
}

test.each(SEEDS)(
  'cuts, kills and log-outs, with the seed %i',
  async (seed) => {
    const random = numbers(seed);
    const pick = (count: number): number => Math.floor(random.next().value * count);
    const users = Array.from({ length: USERS }, (_, index) => `user${index}`);
    const sessions = Object.fromEntries(users.map((user) => [user, 1]));
    let { server, port } = await start(sessions);
    const pages = users.flatMap((user) =>
      Array.from({ length: PAGES_OF_EACH }, (_, tab) => new Page(user, tab, () => port)),
    );
    const clients = (): Promise<number> => server.evaluate(({ sse }) => sse.stats().clients);
    await until('all pages to be there', async () => (await clients()) === pages.length);

    const sent: Record<string, string[]> = Object.fromEntries(users.map((user) => [user, []]));
    let [resumed, kills] = [0, 0];
    const send = async (round: number): Promise<void> => {
      const user = users[pick(USERS)] as string;
      const [one, all] = [`${round} to ${user}`, `${round} to all`];
      sent[user]?.push(one);
      for (const list of Object.values(sent)) list.push(all);
      await server.evaluate(
        async ({ sse }, user, one, all) => {
          sse.sendToUser(user, { event: 'news', data: one });
          sse.broadcast({ event: 'news', data: all });
          await sse.flush();
        },
        user,
        one,
        all,
      );
    };
    const logOut = async (): Promise<void> => {
      const user = users[pick(USERS)] as string;
      const session = (sessions[user] ?? 0) + 1;
      sessions[user] = session;
      await server.evaluate(
        async ({ sse, state }, user, session) => {
          state.sessions[user] = session;
          sse.disconnectUser(user);
          await sse.flush();
        },
        user,
        session,
      );
      // A page learns of the end of its session when it comes back, and logs in again.
      const own = pages.filter((page) => page.user === user);
      await until('its pages to be refused', () => own.every(({ refusals }) => refusals === session - 1));
    };
    const restart = async (): Promise<void> => {
      resumed += (await server.evaluate(({ sse }) => sse.stats().resumed)) as number;
      await server.stop();
      ({ server, port } = await start(sessions));
      kills += 1;
    };

    for (let round = 0; round < ROUNDS; round += 1) {
      await send(round);
      if (pick(3) > 0) for (const page of pages) if (pick(4) === 0) page.cut();
      if (pick(8) === 0) await logOut();
      if (pick(12) === 0) await restart();
    }
    resumed += (await server.evaluate(({ sse }) => sse.stats().resumed)) as number;
    await until('every page to have its last event', () =>
      pages.every((page) => page.received.at(-1) === sent[page.user]?.at(-1)),
    );
    for (const page of pages) {
      expect(page.received).toEqual(sent[page.user]);
      expect([page.resets, page.refusals]).toEqual([0, (sessions[page.user] ?? 0) - 1]);
      page.end();
    }
    // Otherwise nothing of this was tried.
    expect([resumed > 50, kills > 0, Object.values(sessions).some((session) => session > 1)]).toEqual([
      true,
      true,
      true,
    ]);
  },
  120_000,
);
