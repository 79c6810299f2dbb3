/** Firefox on a history in a folder: an idle page gets positions, and resumes from the last one after a kill of the server. */
import type { Evaluator } from './support/evaluator';
import { Firefox, type FirefoxPage } from './support/firefox';
import { freePort } from './support/free-port';
import { join, type NodeOptions, ownFolder } from './support/nodes';
import { until } from './support/until';

interface Heard {
  name: string;
  data: unknown;
  id: string;
}

const folder = ownFolder();

let firefox: Firefox;
beforeAll(async () => {
  firefox = await Firefox.start();
}, 120_000);
afterAll(() => firefox?.close());

/** A server with a page, on the port that the page comes back to. */
async function serve(port: number, options: NodeOptions): Promise<Evaluator> {
  const server = await join(folder.dir, { retryMs: 50, ...options });
  await server.evaluate(async ({ require, handleSSE }, port) => {
    const site = require('node:http').createServer((req: never, res: never) => {
      const { url } = req as { url: string };
      if (url.startsWith('/sse')) handleSSE(req, res, { userId: 'ada' });
      else (res as { end(text: string): void }).end('a page');
    });
    await new Promise<void>((resolve) => site.listen(port, '127.0.0.1', resolve));
  }, port);
  return server;
}

/** Opens a stream in the page, with or without a listener for positions. */
const listen = (page: FirefoxPage, names: string[]): Promise<unknown> =>
  page.evaluate((names) => {
    const heard: Heard[] = [];
    const events = new EventSource('/sse');
    for (const name of names) {
      events.addEventListener(name, ({ data, lastEventId: id }) => heard.push({ name, data: JSON.parse(data), id }));
    }
    Object.assign(globalThis, { heard });
  }, names);

const heardIn = (page: FirefoxPage): Promise<Heard[]> =>
  page.evaluate(() => (globalThis as unknown as { heard: Heard[] }).heard);

const countIn = async (page: FirefoxPage, wanted: string): Promise<number> =>
  (await heardIn(page)).filter(({ name }) => name === wanted).length;

const epochOf = (node: Evaluator): Promise<string> => node.evaluate(({ sse }) => sse.stats().epoch);

test.each([
  ['that listens for positions', ['ssekit:position']],
  ['that does not', []],
])('an idle page %s resumes after kill -9', async (_, more) => {
  const port = await freePort();
  // Positions come soon, and everything older than 400 ms is gone.
  const first = await serve(port, { heartbeatMs: 100, history: { maxAgeMs: 400 } });
  const epoch = await epochOf(first);
  const page = await firefox.open(`http://127.0.0.1:${port}/`);
  await listen(page, ['ssekit:ready', 'ssekit:reset', 'payment', ...more]);
  await until('the stream', async () => (await countIn(page, 'ssekit:ready')) === 1);
  const pay = (node: Evaluator, amount: number): Promise<unknown> =>
    node.evaluate(async ({ sse }, amount) => {
      sse.sendToUser('ada', { event: 'payment', data: amount });
      await sse.flush();
    }, amount);
  await pay(first, 1);
  await until('the payment', async () => (await countIn(page, 'payment')) === 1);
  const before = await first.evaluate(({ sse }) => sse.stats().heartbeats);
  await until('three times the age of an event, in heartbeats and positions', () =>
    first.evaluate(({ sse }, before) => sse.stats().heartbeats >= before + 12, before),
  );
  if (more.length > 0) expect(await countIn(page, 'ssekit:position')).toBeGreaterThan(0);

  await first.stop('SIGKILL');
  const worker = await join(folder.dir);
  await pay(worker, 2);
  const second = await serve(port, {});
  expect(await epochOf(second)).toBe(epoch);
  await until('what it missed', async () => (await countIn(page, 'payment')) === 2);
  await pay(second, 3);
  await until('what comes then', async () => (await countIn(page, 'payment')) === 3);

  const heard = (await heardIn(page)).filter(({ name }) => name !== 'ssekit:position');
  expect(heard).toMatchObject([
    { name: 'ssekit:ready', data: { resumed: false } },
    { name: 'payment', data: 1 },
    { name: 'ssekit:ready', data: { resumed: true } },
    { name: 'payment', data: 2 },
    { name: 'payment', data: 3 },
  ]);
  for (const { id } of await heardIn(page)) expect(id).toMatch(new RegExp(`^${epoch}\\.\\d+$`));
});
