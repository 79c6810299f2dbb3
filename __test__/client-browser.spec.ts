/** `ssekit/client` as one file in real browsers: events, a server that is killed, the back/forward cache, no network. */
import { readFileSync } from 'node:fs';
import { join as path } from 'node:path';
import { BareChromium } from './support/bare-chromium';
import { inEachEngine } from './support/engines';
import type { Evaluator } from './support/evaluator';
import { freePort } from './support/free-port';
import { join, ownFolder } from './support/nodes';
import { until } from './support/until';

const folder = ownFolder();
const MODULE = readFileSync(path(__dirname, '..', 'dist', 'client', 'index.mjs'), 'utf8');

const PAGE = `<!doctype html><script type="module">
  import { createClient } from '/client.mjs';
  globalThis.heard = [];
  globalThis.errors = [];
  globalThis.client = createClient({ url: '/sse' });
  client.on('number', (data) => heard.push(data));
  client.onError((error) => errors.push(error.code));
</script>`;

/** A server with the page, on the port that the page comes back to. */
async function serve(port: number): Promise<Evaluator> {
  const server = await join(folder.dir, { retryMs: 50 });
  await server.evaluate(
    async ({ require, handleSSE }, port, files) => {
      const site = require('node:http').createServer((req: never, res: never) => {
        const { url } = req as { url: string };
        if (url.startsWith('/sse')) return handleSSE(req, res, { userId: 'ada' });
        const type = url === '/client.mjs' ? 'text/javascript' : 'text/html';
        const answer = res as unknown as import('node:http').ServerResponse;
        return answer.setHeader('content-type', type).end(files[url] ?? 'elsewhere');
      });
      await new Promise<void>((resolve) => site.listen(port, '127.0.0.1', resolve));
    },
    port,
    { '/': PAGE, '/client.mjs': MODULE } as Record<string, string>,
  );
  return server;
}

const send = (server: Evaluator, data: number): Promise<unknown> =>
  server.evaluate(async ({ sse }, data) => {
    sse.broadcast({ event: 'number', data });
    await sse.flush();
  }, data);

interface State {
  heard: number[];
  errors: string[];
  state: string;
}

/** Runs in the page. */
const look = (): State => {
  const { heard, errors, client } = globalThis as unknown as Omit<State, 'state'> & { client?: { status: State } };
  return { heard: heard ?? [], errors: errors ?? [], state: client?.status.state ?? '' };
};

type Look = () => Promise<State>;

const heard = (lookAt: Look, ...wanted: number[]): Promise<unknown> =>
  until(`${wanted}`, async () => JSON.stringify((await lookAt()).heard) === JSON.stringify(wanted));

const isIn = (lookAt: Look, state: string): Promise<unknown> =>
  until(state, async () => (await lookAt()).state === state);

/** The steps that must work in every browser. Returns the second server. */
async function survivesKill(lookAt: Look, first: Evaluator, port: number): Promise<Evaluator> {
  await isIn(lookAt, 'open');
  await send(first, 1);
  await heard(lookAt, 1);
  await first.stop('SIGKILL');
  await isIn(lookAt, 'waiting');
  const worker = await join(folder.dir);
  await send(worker, 2);
  await worker.stop('SIGTERM');
  const second = await serve(port);
  await heard(lookAt, 1, 2);
  await send(second, 3);
  await heard(lookAt, 1, 2, 3);
  return second;
}

inEachEngine((browser, name) => {
  test('loses nothing by a kill, by the back/forward cache and without a network', async () => {
    const port = await freePort();
    const first = await serve(port);
    const page = await browser().open(`http://127.0.0.1:${port}/`);
    const lookAt: Look = () => page.evaluate(look);
    const server = await survivesKill(lookAt, first, port);

    await page.evaluate(() => void Object.assign(globalThis, { kept: true }));
    // Firefox keeps no page whose stream is open when it is left, so there the page is only told.
    const isKept = name !== 'Firefox';
    if (isKept) await page.goto(`http://127.0.0.1:${port}/elsewhere`);
    else await page.evaluate(() => void dispatchEvent(new Event('pagehide')));
    await until('the stream to be closed', () => server.evaluate(({ sse }) => sse.getActiveClients().length === 0));
    await send(server, 4);
    if (isKept) await page.back();
    else await page.evaluate(() => void dispatchEvent(new Event('pageshow')));
    await heard(lookAt, 1, 2, 3, 4);
    // It was this page, and not loaded again.
    expect(await page.evaluate(() => 'kept' in globalThis)).toBe(true);

    // WebKitGTK's driver can take no network away.
    await page.setOffline?.(true);
    await server.evaluate(({ sse }) => sse.disconnectUser('ada'));
    await isIn(lookAt, 'waiting');
    await send(server, 5);
    await page.setOffline?.(false);
    await heard(lookAt, 1, 2, 3, 4, 5);
    await send(server, 6);
    await heard(lookAt, 1, 2, 3, 4, 5, 6);
    expect((await lookAt()).errors.filter((code) => code !== 'unreachable')).toEqual([]);
  }, 120_000);
});

/** Only Chromium freezes pages. */
describe('Chromium that freezes a page', () => {
  let chromium: BareChromium;
  beforeAll(async () => {
    chromium = await BareChromium.start();
  }, 120_000);
  afterAll(() => chromium?.close());

  test('closes its stream, and loses nothing until the page resumes', async () => {
    const port = await freePort();
    const server = await serve(port);
    const page = await chromium.open(`http://127.0.0.1:${port}/`);
    const lookAt: Look = () => page.evaluate(look);
    await isIn(lookAt, 'open');
    await send(server, 1);
    await heard(lookAt, 1);
    await page.setFrozen(true);
    await until('the stream to be closed', () => server.evaluate(({ sse }) => sse.getActiveClients().length === 0));
    await send(server, 2);
    expect(await lookAt()).toEqual({ state: 'paused', heard: [1], errors: [] });
    await page.setFrozen(false);
    await heard(lookAt, 1, 2);
    await send(server, 3);
    await heard(lookAt, 1, 2, 3);
    expect((await lookAt()).errors).toEqual([]);
  }, 120_000);
});
