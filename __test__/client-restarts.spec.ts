/** `ssekit/client` on real servers that are killed and started again: each event once, in order. */
import { randomInt } from 'node:crypto';
import type { Evaluator } from './support/evaluator';
import { freePort } from './support/free-port';
import { join, type NodeOptions, ownFolder } from './support/nodes';
import { endPages, stopClocks, type Watched, watch } from './support/page-client';
import { event, StreamServer, stream } from './support/stream-server';
import { until } from './support/until';

const folder = ownFolder();

/** Where the events of a page's life arrive. */
const window = new EventTarget();
beforeEach(() => {
  Object.assign(globalThis, { addEventListener: window.addEventListener.bind(window) });
});
afterEach(async () => {
  await endPages();
  Reflect.deleteProperty(globalThis, 'addEventListener');
});

const PAGES = 50;
const KILLS = 20;
const EVENTS_PER_KILL = 250;

/** A killed server's clients must not be taken for gone. */
const OPTIONS: NodeOptions = { backplane: { leaseMs: 60_000 }, retryMs: 50 };

/** A server at the port that the pages come back to. */
async function serve(port: number): Promise<Evaluator> {
  const server = await join(folder.dir, OPTIONS);
  await server.evaluate(async ({ require, handleSSE }, port) => {
    const site = require('node:http').createServer((req: { url: string }, res: never) => {
      const userId = new URL(req.url, 'http://localhost').searchParams.get('user');
      handleSSE(req as never, res, { userId });
    });
    await new Promise<void>((resolve) => site.listen(port, '127.0.0.1', resolve));
  }, port);
  return server;
}

/** Sends numbers to everybody. */
const sendSome = (worker: Evaluator): Promise<void> =>
  worker.evaluate(async ({ sse, state }, count) => {
    state.sent ??= 0;
    for (let left = count; left > 0; left -= 1) {
      sse.broadcast({ event: 'number', data: state.sent });
      state.sent += 1;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await sse.flush();
  }, EVENTS_PER_KILL);

test('each of 50 pages gets each of 5,000 events once and in order, though the server is killed twenty times', async () => {
  const port = await freePort();
  const worker = await join(folder.dir, OPTIONS);
  let server = await serve(port);
  const pages = Array.from({ length: PAGES }, (_, number) =>
    watch({ url: `http://127.0.0.1:${port}/?user=${number}` }),
  );
  for (const page of pages) await page.is('open');
  await until('all to be known', async () => {
    const known = await worker.evaluate(({ sse }) => sse.getActiveClients().length);
    return known === PAGES;
  });
  for (let kill = 0; kill < KILLS; kill += 1) {
    const sending = sendSome(worker);
    const [page, more] = [pages[randomInt(PAGES)] as Watched, randomInt(1, EVENTS_PER_KILL)];
    const before = page.events.length;
    await until(`${more} more events`, () => page.events.length >= before + more);
    await server.stop('SIGKILL');
    server = await serve(port);
    await sending;
    const all = (kill + 1) * EVENTS_PER_KILL;
    await until(`${all} events at all pages`, () => {
      // The kills come faster than failures are forgotten: without that, the waits would grow to half a minute.
      window.dispatchEvent(new Event('online'));
      return pages.every(({ events }) => events.length >= all);
    });
  }
  const wanted = Array.from({ length: KILLS * EVENTS_PER_KILL }, (_, number) => number);
  for (const [number, page] of pages.entries()) {
    expect([number, page.events.map(({ data }) => data)]).toEqual([number, wanted]);
    // Without a handler, a reset would be an error.
    expect(page.errors.filter(({ code }) => code !== 'unreachable')).toEqual([]);
  }
}, 300_000);

test('pages that lose their server at the same moment come back spread', async () => {
  const server = await StreamServer.start([stream(`retry: 2000\n${event('a', 1)}`)]);
  const pages = Array.from({ length: PAGES }, () => watch({ url: server.url }));
  for (const page of pages) await page.got(1);
  stopClocks();
  let dice = 1;
  jest.mocked(Math.random).mockImplementation(() => {
    dice = (dice * 48_271) % 2_147_483_647;
    return dice / 2_147_483_647;
  });
  await server.stop();
  for (const page of pages) await page.is('waiting');
  const times = pages.map(({ client }) => client.status.retryAt ?? 0).sort((a, b) => a - b);
  const most = Math.max(...times.map((start) => times.filter((time) => time >= start && time < start + 100).length));
  expect(most).toBeLessThanOrEqual(PAGES / 5);
  expect((times[0] ?? 0) - Date.now()).toBeGreaterThanOrEqual(2_000);
});
