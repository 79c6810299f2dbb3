/** A history in a folder: servers are killed while a worker goes on sending, and no page notices more than a cut. */
import { randomInt } from 'node:crypto';
import { statSync } from 'node:fs';
import { join as path } from 'node:path';

import type { Evaluator } from './support/evaluator';
import { allKnow, errorsOf, join, lastIdOf, type NodeOptions, open, ownFolder, storyOf, told } from './support/nodes';
import type { RawClient } from './support/raw-client';
import { until } from './support/until';

const folder = ownFolder();

const TABS = 200;
const KILLS = 20;
const EVENTS_PER_KILL = 500;
/** Every page gets at least as many of them, because every fourth is a broadcast. */
const EVENTS_FOR_ALL = EVENTS_PER_KILL / 4;

/** The worker must not take a killed server's clients for gone: an event for an unknown client is a gap for it. */
const OPTIONS: NodeOptions = { backplane: { leaseMs: 60_000 } };

/** One of many pages, over all its connections. */
class Page {
  readonly clientId: string;
  readonly userId: string;
  readonly channel: string;
  readonly #earlier: { event: string | undefined; data: string; id: string | undefined }[] = [];
  #tab: RawClient | undefined;

  constructor(number: number) {
    this.clientId = `tab-${number}`;
    this.userId = `user-${number % 7}`;
    this.channel = `room-${number % 3}`;
  }

  async connect(server: Evaluator): Promise<void> {
    const last = this.#tab && lastIdOf(this.#tab);
    this.#earlier.push(...(this.#tab?.events() ?? []).map(({ event, data, id }) => ({ event, data, id })));
    this.#tab?.destroy();
    this.#tab = await open(server, this.userId, this.clientId, last);
  }

  events() {
    const now = this.#tab?.events() ?? [];
    return [...this.#earlier, ...now].filter(({ event }) => event !== 'ssekit:ready');
  }

  has(event: string): boolean {
    return this.#tab?.events().some((each) => each.event === event) ?? false;
  }
}

/** A server whose streams have the channel that belongs to the number in their client's id. */
async function serve(): Promise<Evaluator> {
  const server = await join(folder.dir, OPTIONS);
  await server.evaluate((given) => {
    given.clientOf = (query) => {
      const clientId = String(query.get('clientId'));
      const channels = [`room-${Number(clientId.split('-')[1]) % 3}`];
      return { userId: query.get('userId'), clientId, channels };
    };
  });
  return server;
}

/** Sends numbers to everybody, users, clients and channels in turn, a thousand a second. */
const sendSome = (worker: Evaluator): Promise<void> =>
  worker.evaluate(
    async ({ sse, state }, { tabs, count }) => {
      state.sent ??= [];
      for (let left = count; left > 0; left -= 1) {
        const number = state.sent.length;
        const event = { event: 'number', data: number };
        const which = Math.floor(number / 4);
        const sends: [to: string, send: () => unknown][] = [
          ['all', () => sse.broadcast(event)],
          [`user-${which % 7}`, () => sse.sendToUser(`user-${which % 7}`, event)],
          [`tab-${which % tabs}`, () => sse.sendToClient(`tab-${which % tabs}`, event)],
          [`room-${which % 3}`, () => sse.sendToChannel(`room-${which % 3}`, event)],
        ];
        const [to, send] = sends[number % 4] as (typeof sends)[number];
        state.sent.push(to);
        send();
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
    { tabs: TABS, count: EVENTS_PER_KILL },
  );

const endSending = (worker: Evaluator): Promise<string[]> =>
  worker.evaluate(async ({ sse, state }) => {
    sse.broadcast({ event: 'end', data: null });
    await sse.flush();
    return state.sent;
  });

const epochOf = (node: Evaluator): Promise<string> => node.evaluate(({ sse }) => sse.stats().epoch);

test('each page gets each event once and in order, though its server is killed twenty times', async () => {
  const worker = await join(folder.dir, OPTIONS);
  let server = await serve();
  const epoch = await epochOf(server);
  const pages = Array.from({ length: TABS }, (_, number) => new Page(number));
  for (const page of pages) await page.connect(server);
  await allKnow(
    [worker],
    pages.map(({ clientId }) => clientId),
  );
  for (let kill = 0; kill < KILLS; kill += 1) {
    const sending = sendSome(worker);
    const [page, more] = [pages[randomInt(TABS)] as Page, randomInt(1, EVENTS_FOR_ALL)];
    const before = page.events().length;
    await until(`${more} more events`, () => page.events().length >= before + more);
    await server.stop('SIGKILL');
    server = await serve();
    expect(await epochOf(server)).toBe(epoch);
    const here = server;
    await Promise.all(pages.map((each) => each.connect(here)));
    await sending;
  }
  const sent = await endSending(worker);
  for (const page of pages) {
    await until(`the end at ${page.clientId}`, () => page.has('end'));
    const mine = ['all', page.userId, page.clientId, page.channel];
    const wanted = sent.flatMap((to, number) => (mine.includes(to) ? [`number ${number}`] : []));
    // A name such as ssekit:reset would stand out here as well.
    const story = page.events().map(({ event, data }) => (event === 'end' ? 'end' : `${event} ${data}`));
    expect([page.clientId, story]).toEqual([page.clientId, [...wanted, 'end']]);
    const isOurs = new RegExp(`^${epoch}\\.\\d+$`);
    expect(page.events().filter(({ id = '' }) => !isOurs.test(id))).toEqual([]);
  }
  expect([await errorsOf(worker), await errorsOf(server)]).toEqual([[], []]);
}, 300_000);

test('what was sent while no server ran is there when one starts', async () => {
  const server = await join(folder.dir);
  const tab = await open(server, 'ada', 'tab');
  await server.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'user', data: 1 }));
  await told(tab, 'user 1');
  const [last, epoch] = [lastIdOf(tab), await epochOf(server)];
  await server.stop('SIGKILL');
  const worker = await join(folder.dir);
  await worker.evaluate(async ({ sse }) => {
    sse.sendToUser('ada', { event: 'user', data: 2 });
    await sse.flush();
  });
  await worker.stop('SIGKILL');
  const next = await join(folder.dir);
  expect(await epochOf(next)).toBe(epoch);
  const back = await open(next, 'ada', 'tab', last);
  await told(back, 'user 2');
  expect(storyOf(back)).toEqual(['user 2']);
});

/** SQLite's log. When the folder is closed, everything in it has moved into the database. */
const logBytes = (): number => statSync(path(folder.dir, 'history.db-wal')).size;

describe('the folder is closed', () => {
  const start = async (): Promise<Evaluator> => {
    const node = await join(folder.dir);
    await node.evaluate(({ sse }) => sse.broadcast({ data: 1 }));
    await node.evaluate(({ sse }) => sse.flush());
    expect(logBytes()).toBeGreaterThan(0);
    return node;
  };

  test.each<[string, (node: Evaluator) => Promise<unknown>]>([
    ['after a drain', (node) => node.evaluate(({ sse }) => sse.drain({ windowMs: 0 }))],
    ['when the process exits', (node) => exits(node)],
  ])('%s', async (_, end) => {
    const node = await start();
    await end(node);
    expect(logBytes()).toBe(0);
  });

  test('by SIGTERM', async () => {
    const node = await start();
    await open(node, 'ada', 'tab');
    await node.stop('SIGTERM');
    expect(node.ended).toBe('SIGTERM');
    expect(logBytes()).toBe(0);
  });

  test('not when the process is killed', async () => {
    const node = await start();
    await node.stop('SIGKILL');
    expect(logBytes()).toBeGreaterThan(0);
  });
});

async function exits(node: Evaluator): Promise<void> {
  await node.evaluate(() => {
    setImmediate(() => process.exit(0));
  });
  await until('the end', () => node.ended === 0);
}
