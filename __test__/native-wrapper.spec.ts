/** The wrapper around `EventSource` that docs/browser.md has, in each engine. */
import ts from 'typescript';
import { documentedCode } from './support/documented-code';
import { type EnginePage, inEachEngine, UNSAFE } from './support/engines';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { PageServer, stopPageServers } from './support/page-server';
import { until } from './support/until';

const { outputText: WRAPPER } = ts.transpileModule(documentedCode('browser.md', 'lib/listen.ts'), {
  compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
});

/** The wrapper's timers, which stand still until the test moves them. Those of the page belong to a driver as well. */
const CLOCK = `let [now, count] = [0, 0];
  const timers = new Map();
  const setTimeout = (run, ms = 0) => {
    timers.set(++count, { run, at: now + ms });
    return count;
  };
  const clearTimeout = (id) => timers.delete(id);
  globalThis.advance = (ms) => {
    now += ms;
    for (const [id, { run, at }] of [...timers]) if (at <= now && timers.delete(id)) run();
  };`;

const PAGE = `<!doctype html><script type="module">
  ${CLOCK}
  ${WRAPPER}
  globalThis.heard = [];
  globalThis.states = [];
  globalThis.fetches = 0;
  // The first one fails, and the second one waits for the test.
  globalThis.refetch = async () => {
    globalThis.fetches += 1;
    if (fetches === 1) throw new Error('not now');
    await new Promise((resolve) => (globalThis.answer = resolve));
    heard.push('state');
  };
  globalThis.stop = listen('/sse', {
    on: { number: (data) => heard.push(data) },
    refetch,
    onState: (state) => states.push(state),
  });
</script>`;

interface Shown {
  heard: unknown[];
  states: string[];
  fetches: number;
  advance(ms: number): void;
  answer(): void;
  stop(): void;
}

let server: Evaluator;
let upstream: number;
let site: PageServer;

beforeAll(async () => {
  server = await Evaluator.start({ retryMs: 10 });
  upstream = await server.evaluate(({ require, state }) => {
    const { createSSERoute } = require('ssekit/next') as typeof import('../ts/next/index');
    return require('./route-server.cjs').serveRoute(createSSERoute({ identify: () => state.user }));
  });
}, 120_000);
beforeEach(async () => {
  await is('ada');
  site = await PageServer.start(upstream, { '/': PAGE, '/elsewhere': 'elsewhere' });
});
afterEach(stopPageServers);
afterAll(stopEvaluators);

/** The user of whoever asks from now on. */
const is = (user: string | null): Promise<void> =>
  server.evaluate(({ state }, user) => {
    state.user = user;
  }, user);

const send = (data: unknown): Promise<unknown> =>
  server.evaluate(({ sse }, data) => sse.sendToUser('ada', { event: 'number', data }), data as number);
const cut = (): Promise<unknown> =>
  server.evaluate(({ sse }) => sse.disconnectClient(sse.getActiveClients()[0] as string));
const clientsAre = (count: number): Promise<unknown> =>
  until(`${count} clients`, () => server.evaluate(({ sse }, count) => sse.stats().clients === count, count));

const asked = (method: string): number => site.requests.filter((made) => made === method).length;

inEachEngine((browser, name) => {
  let page: EnginePage;

  const open = async (host = '127.0.0.1'): Promise<void> => {
    page = await browser().open(`http://${host}:${site.port}/`);
  };
  const shown = (): Promise<Pick<Shown, 'heard' | 'states' | 'fetches'>> =>
    page.evaluate(() => {
      const { heard, states, fetches } = globalThis as unknown as Shown;
      return { heard, states, fetches };
    });
  const advance = (ms: number): Promise<void> =>
    page.evaluate((ms) => (globalThis as unknown as Shown).advance(ms), ms);
  const heard = (...wanted: unknown[]): Promise<unknown> =>
    until(`${wanted}`, async () => JSON.stringify((await shown()).heard) === JSON.stringify(wanted));
  const isIn = (state: string): Promise<unknown> => until(state, async () => (await shown()).states.at(-1) === state);

  afterEach(async () => {
    await page.close();
    await clientsAre(0);
  });

  test('a proxy that answers 503 for a while loses nothing', async () => {
    await open();
    await isIn('open');
    await send(1);
    await heard(1);
    site.fault = 503;
    await cut();
    await isIn('waiting');
    await send(2);
    await until('the third attempt', async () => {
      await advance(1_000);
      return asked('HEAD') >= 3;
    });
    site.fault = undefined;
    await until('the stream', async () => {
      await advance(1_000);
      return (await shown()).states.at(-1) === 'open';
    });
    await heard(1, 2);
    await send(3);
    await heard(1, 2, 3);
  });

  test('a log-out is final', async () => {
    await open();
    await isIn('open');
    await is(null);
    await server.evaluate(({ sse }) => sse.disconnectUser('ada'));
    await isIn('refused');
    const before = site.requests.length;
    await advance(3_600_000);
    // Whatever the page asked for within that hour has come in before this.
    await page.evaluate(async () => (await fetch('/sse', { method: 'HEAD' })).status);
    expect(site.requests.slice(before)).toEqual(['HEAD']);
  });

  test('after a reset, the state is fetched from within the new stream, and events wait for it', async () => {
    await open();
    await isIn('open');
    site.forgedId = 'unknown.1';
    await cut();
    await until('the first fetch', async () => (await shown()).fetches === 1);
    await clientsAre(1);
    await send(1);
    await until('the second fetch', async () => {
      await advance(1_000);
      return (await shown()).fetches === 2;
    });
    await send(2);
    expect((await shown()).heard).toEqual([]);
    await page.evaluate(() => (globalThis as unknown as Shown).answer());
    await heard('state', 1, 2);
  });

  test('a page in the back/forward cache is no client, and goes on when it is shown', async () => {
    await open();
    await isIn('open');
    await send(1);
    await heard(1);
    await page.evaluate(() => void Object.assign(globalThis, { isKept: true }));
    // Firefox keeps no page whose stream is open when it is left, so there the page is only told.
    const isKept = name !== 'Firefox';
    const tell = (type: string): Promise<void> =>
      page.evaluate((type) => void dispatchEvent(new PageTransitionEvent(type, { persisted: true })), type);
    await (isKept ? page.goto(`http://127.0.0.1:${site.port}/elsewhere`) : tell('pagehide'));
    await clientsAre(0);
    await send(2);
    await (isKept ? page.back() : tell('pageshow'));
    await heard(1, 2);
    expect(await page.evaluate(() => 'isKept' in globalThis)).toBe(true);
    await clientsAre(1);
  });

  // WebKitGTK's driver has no names of its own for a host.
  if (name !== 'WebKitGTK')
    test('a page without TLS, on another machine, has its stream', async () => {
      await open(UNSAFE);
      await isIn('open');
      expect(await page.evaluate(() => [isSecureContext, 'randomUUID' in crypto])).toEqual([false, false]);
      await send(1);
      await heard(1);
    });

  test('what it returned ends it', async () => {
    await open();
    await isIn('open');
    await page.evaluate(() => (globalThis as unknown as Shown).stop());
    await clientsAre(0);
    expect(asked('GET')).toBe(1);
  });
});

test('HEAD gets the status of GET, and connects no client', async () => {
  const head = async (): Promise<number> =>
    (await fetch(`http://127.0.0.1:${site.port}/sse`, { method: 'HEAD' })).status;
  const before = await server.evaluate(({ sse }) => sse.stats().connects);
  expect(await head()).toBe(200);
  await is(null);
  expect(await head()).toBe(401);
  site.fault = 503;
  expect(await head()).toBe(503);
  expect(await server.evaluate(({ sse }) => sse.stats().connects)).toBe(before);
});
