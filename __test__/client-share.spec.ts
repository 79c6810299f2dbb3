/** One connection for all tabs of a browser, over HTTP/1.1: https://html.spec.whatwg.org/multipage/workers.html#sharedworker */
import { createServer, type RequestListener, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { BareChromium } from './support/bare-chromium';
import { browserPath } from './support/browser-path';
import { Evaluator, stopEvaluators } from './support/evaluator';
import { Firefox } from './support/firefox';
import { join, ownFolder } from './support/nodes';
import { until } from './support/until';

interface Site {
  port: number;
  requests: { url: string; carrier?: string }[];
  streams(): number;
}

interface SiteOptions {
  port?: number;
  csp?: string;
  http2?: boolean;
}

let server: Evaluator;
let origin: string;

/** Serves the pages from a new process. */
async function serve(options: SiteOptions = {}): Promise<void> {
  server = await Evaluator.start({ retryMs: 50 });
  const port = await server.evaluate(async ({ require, state }, options) => {
    state.site = await require('./tab-server.cjs').serveTabs(options);
    return state.site.port as number;
  }, options);
  origin = `${options.http2 ? 'https' : 'http'}://127.0.0.1:${port}`;
}

/** A browser trusts no page of this host, so its pages have no locks. */
const UNSAFE = 'app.test';

const folder = ownFolder();

afterEach(stopEvaluators);

/** Sends the requests for streams to these ports by turns. */
function alternating(ports: number[]): RequestListener {
  let count = 0;
  return (req, res) => {
    if (req.url?.startsWith('/sse')) count += 1;
    const { method, url: path, headers } = req;
    const upstream = request({ port: ports[count % ports.length], method, path, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(res);
    });
    upstream.on('error', () => res.destroy());
    res.once('close', () => upstream.destroy());
    req.pipe(upstream);
  };
}

/** The number of responses that are event streams. */
const streams = (): Promise<number> => server.evaluate(({ state }) => (state.site as Site).streams());

const requests = (): Promise<Site['requests']> => server.evaluate(({ state }) => (state.site as Site).requests);

const clientsOf = (userId: string): Promise<string[]> =>
  server.evaluate(({ sse }, userId) => sse.getClientsByUser(userId), userId);

const send = (data: number, except?: string): Promise<unknown> =>
  server.evaluate(({ sse }, data, except) => sse.broadcast({ event: 'number', data }, except), data, except);

const sendToUser = (userId: string, data: number): Promise<unknown> =>
  server.evaluate(({ sse }, userId, data) => sse.sendToUser(userId, { event: 'number', data }), userId, data);

interface State {
  heard: number[];
  errors: string[];
  state: string;
  id: string;
  cursor: string;
}

/** Runs in the page. */
const look = (): State => {
  type Globals = Pick<State, 'heard' | 'errors'> & { client?: { status: State; clientId: string; cursor: string } };
  const { heard = [], errors = [], client } = globalThis as unknown as Globals;
  return {
    heard,
    errors,
    state: client?.status.state ?? '',
    id: client?.clientId ?? '',
    cursor: client?.cursor ?? '',
  };
};

type Look = () => Promise<State>;

const heard = (tab: Look, ...wanted: number[]): Promise<unknown> =>
  until(`${wanted}`, async () => JSON.stringify((await tab()).heard) === JSON.stringify(wanted));

const isOpen = (tab: Look): Promise<unknown> => until('the stream', async () => (await tab()).state === 'open');

const noErrors = async (...tabs: Look[]): Promise<void> => {
  for (const tab of tabs) expect((await tab()).errors).toEqual([]);
};

describe('Chromium', () => {
  let browser: Browser;
  let context: BrowserContext;

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: browserPath('chromium'),
      chromiumSandbox: process.getuid?.() !== 0,
      ignoreDefaultArgs: ['--disable-back-forward-cache'],
      args: [`--host-resolver-rules=MAP ${UNSAFE} 127.0.0.1`],
    });
  }, 120_000);
  afterAll(() => browser?.close());
  beforeEach(async () => {
    context = await browser.newContext({ ignoreHTTPSErrors: true });
  });
  afterEach(() => context.close());

  const logIn = (user: string): Promise<void> => context.addCookies([{ name: 'user', value: user, url: origin }]);

  const lookAt =
    (page: Page): Look =>
    () =>
      page.evaluate(look);

  /** Opens a tab, and waits for its stream. */
  async function openTab(options: object = {}): Promise<Page> {
    const page = await context.newPage();
    await page.goto(`${origin}/?options=${encodeURIComponent(JSON.stringify(options))}`);
    await isOpen(lookAt(page));
    return page;
  }

  async function openTabs(count: number, options: object = {}): Promise<Page[]> {
    const pages: Page[] = [];
    for (let number = 0; number < count; number += 1) pages.push(await openTab(options));
    return pages;
  }

  test.each(['/sse', '/api'])(
    'seven tabs have one stream at %s, and each stays a client of its own',
    async (url) => {
      await serve();
      await logIn('ada');
      const tabs = (await openTabs(7, { url })).map(lookAt);
      expect(await streams()).toBe(1);
      const ids = await Promise.all(tabs.map(async (tab) => (await tab()).id));
      expect((await clientsOf('ada')).sort()).toEqual([...ids].sort());
      const [first, ...others] = tabs as [Look, ...Look[]];
      await send(1, ids[0]);
      await server.evaluate(({ sse }, id) => sse.sendToClient(id, { event: 'number', data: 2 }), ids[0] as string);
      await send(3);
      await Promise.all(others.map((tab) => heard(tab, 1, 3)));
      await heard(first, 2, 3);
      expect((await server.evaluate(({ sse }) => sse.stats().notHandedOff)).shared).toBe(7);
      await noErrors(...tabs);
    },
    120_000,
  );

  test.each(['127.0.0.1', UNSAFE])(
    'a tab at %s that is closed, left or crashes takes nothing from the others',
    async (host) => {
      await serve();
      origin = origin.replace('127.0.0.1', host);
      await logIn('ada');
      const [closed, left, crashed, ...others] = (await openTabs(5)) as [Page, Page, Page, ...Page[]];
      const clients = (count: number): Promise<unknown> =>
        until(`${count} clients`, async () => (await clientsOf('ada')).length === count);
      await send(1);
      await closed.close();
      await clients(4);
      await send(2);
      await heard(lookAt(left), 1, 2);
      await left.goto(`${origin}/elsewhere`);
      await clients(3);
      await send(3);
      await heard(lookAt(crashed), 1, 2, 3);
      // The worker may die with it.
      await Promise.all([crashed.waitForEvent('crash'), crashed.goto('chrome://crash').catch(() => {})]);
      await send(4);
      await clients(2);
      await send(5);
      for (const other of others) await heard(lookAt(other), 1, 2, 3, 4, 5);
      // A page from the back/forward cache goes on from where it was.
      await left.goBack({ waitUntil: 'commit' });
      await heard(lookAt(left), 1, 2, 3, 4, 5);
      await send(6);
      for (const tab of [left, ...others]) await heard(lookAt(tab), 1, 2, 3, 4, 5, 6);
      await until('one stream', async () => (await streams()) === 1);
    },
    120_000,
  );

  test('two users of a browser never share', async () => {
    await serve();
    await logIn('anna');
    const anna = lookAt(await openTab());
    await logIn('bert');
    const bert = lookAt(await openTab());
    await sendToUser('anna', 1);
    await sendToUser('bert', 2);
    await send(9);
    await heard(anna, 1, 9);
    await heard(bert, 2, 9);
    expect([await clientsOf('anna'), await clientsOf('bert')]).toEqual([[(await anna()).id], [(await bert()).id]]);
    // Bert's next tabs share a connection of his.
    const before = await streams();
    const [third, fourth] = (await openTabs(2)).map(lookAt) as [Look, Look];
    expect(await streams()).toBe(before + 1);
    await sendToUser('bert', 3);
    await sendToUser('anna', 4);
    await send(10);
    await heard(anna, 1, 9, 4, 10);
    await heard(bert, 2, 9, 3, 10);
    for (const tab of [third, fourth]) await heard(tab, 3, 10);
    // A log-out ends the streams of that user alone.
    await server.evaluate(({ sse }) => sse.disconnectUser('anna'));
    await send(11);
    await heard(bert, 2, 9, 3, 10, 11);
    for (const tab of [third, fourth]) await heard(tab, 3, 10, 11);
    await noErrors(bert, third, fourth);
  }, 120_000);

  test('a late tab with an older cursor gets what it has missed, and the others get nothing twice', async () => {
    await serve();
    await logIn('ada');
    const first = lookAt(await openTab());
    await send(1);
    await heard(first, 1);
    const { cursor } = await first();
    await send(2);
    await send(3);
    await heard(first, 1, 2, 3);
    const late = lookAt(await openTab({ since: cursor }));
    await heard(late, 2, 3);
    const foreign = await openTab({ since: 'unknown.1' });
    await foreign.evaluate(() => Object.assign(globalThis, { heard: [] }));
    await send(4);
    await heard(late, 2, 3, 4);
    await heard(first, 1, 2, 3, 4);
    expect(await streams()).toBe(1);
    await noErrors(first, late, lookAt(foreign));
  }, 120_000);

  test('a worker that dies loses nothing', async () => {
    await serve();
    await logIn('ada');
    const tabs = (await openTabs(3)).map(lookAt);
    await send(1);
    await Promise.all(tabs.map((tab) => heard(tab, 1)));
    const session = await browser.newBrowserCDPSession();
    const { targetInfos } = await session.send('Target.getTargets');
    const workers = targetInfos.filter(({ type, url }) => type === 'shared_worker' && url.startsWith(origin));
    expect(workers).toHaveLength(1);
    for (const { targetId } of workers) await session.send('Target.closeTarget', { targetId });
    await send(2);
    await Promise.all(tabs.map((tab) => heard(tab, 1, 2)));
    await until('one stream', async () => (await streams()) === 1);
    await send(3);
    await Promise.all(tabs.map((tab) => heard(tab, 1, 2, 3)));
  }, 120_000);

  test('a server that is killed costs the tabs nothing but a reconnect', async () => {
    await serve();
    await logIn('ada');
    const tabs = (await openTabs(4)).map(lookAt);
    await send(1);
    await Promise.all(tabs.map((tab) => heard(tab, 1)));
    const port = Number(new URL(origin).port);
    await server.stop('SIGKILL');
    await serve({ port });
    await Promise.all(tabs.map(isOpen));
    await until('the clients', async () => (await clientsOf('ada')).length === 4);
    await send(2);
    await Promise.all(tabs.map((tab) => heard(tab, 1, 2)));
  }, 120_000);

  test.each<[string, SiteOptions, object]>([
    ['the page forbids workers', { csp: "default-src 'self'; worker-src 'none'" }, {}],
    ['the app says so', {}, { share: false }],
    ['the page came over HTTP/2', { http2: true }, {}],
  ])(
    'each tab has its own stream where %s',
    async (_, site, options) => {
      await serve(site);
      await logIn('ada');
      const tabs = (await openTabs(2, options)).map(lookAt);
      await send(1);
      await Promise.all(tabs.map((tab) => heard(tab, 1)));
      const seen = await requests();
      expect(seen.filter(({ carrier }) => carrier)).toEqual([]);
      expect(seen.filter(({ url }) => url.startsWith('/sse?clientId')).length).toBe(2);
      // The client loads the file only where it may need it.
      expect(seen.some(({ url }) => url.endsWith('/share.mjs'))).toBe(site.csp !== undefined);
      await noErrors(...tabs);
    },
    120_000,
  );

  test('each tab has its own stream where requests come to several processes', async () => {
    const nodes = [await join(folder.dir), await join(folder.dir)] as [Evaluator, Evaluator];
    const ports = await Promise.all(
      nodes.map((node) =>
        node.evaluate(async ({ require, state }) => {
          state.site = await require('./tab-server.cjs').serveTabs({});
          return state.site.port as number;
        }),
      ),
    );
    const balancer = createServer(alternating(ports));
    await new Promise<void>((resolve) => balancer.listen(0, '127.0.0.1', resolve));
    try {
      [server] = nodes;
      origin = `http://127.0.0.1:${(balancer.address() as AddressInfo).port}`;
      await logIn('ada');
      const tabs = (await openTabs(5)).map(lookAt);
      await send(1);
      await Promise.all(tabs.map((tab) => heard(tab, 1)));
      await noErrors(...tabs);
      const seen = await Promise.all(nodes.map((node) => node.evaluate(({ state }) => (state.site as Site).requests)));
      // The worker has given up.
      expect(seen.flat().filter(({ carrier }) => carrier === 'v1 open').length).toBe(3);
    } finally {
      balancer.closeAllConnections();
      balancer.close();
    }
  }, 120_000);

  test('a channel that one tab asks for goes to that tab alone', async () => {
    await serve();
    await logIn('ada');
    const [one, other] = (await openTabs(2)) as [Page, Page];
    await server.evaluate(({ sse }, clientId) => sse.subscribe({ clientId }, 'order'), (await lookAt(one)()).id);
    await server.evaluate(({ sse }) => sse.sendToChannel('order', { event: 'number', data: 1 }));
    await send(2);
    await heard(lookAt(one), 1, 2);
    await heard(lookAt(other), 2);
    expect(await streams()).toBe(1);
  }, 120_000);
});

describe('Chromium that freezes a tab', () => {
  let chromium: BareChromium;
  beforeAll(async () => {
    chromium = await BareChromium.start();
  }, 120_000);
  afterAll(() => chromium?.close());

  test('takes nothing from the others, and the tab goes on from its own cursor', async () => {
    await serve();
    const options = encodeURIComponent('{"url":"/sse?user=ada"}');
    const frozen = await chromium.open(`${origin}/?options=${options}`);
    const other = await chromium.open(`${origin}/?options=${options}`);
    const at: Look = () => frozen.evaluate(look);
    const beside: Look = () => other.evaluate(look);
    await isOpen(at);
    await isOpen(beside);
    expect(await streams()).toBe(1);
    await send(1);
    await heard(at, 1);
    await frozen.setFrozen(true);
    await until('the client to leave', async () => (await clientsOf('ada')).length === 1);
    await send(2);
    await heard(beside, 1, 2);
    await frozen.setFrozen(false);
    await heard(at, 1, 2);
    await send(3);
    await heard(at, 1, 2, 3);
    await heard(beside, 1, 2, 3);
  }, 120_000);
});

describe('Firefox', () => {
  let firefox: Firefox;
  beforeAll(async () => {
    firefox = await Firefox.start();
  }, 120_000);
  afterAll(() => firefox?.close());

  test('seven tabs have one stream, and lose nothing when one is left', async () => {
    await serve();
    const first = await firefox.open(`${origin}/elsewhere`);
    await first.evaluate(() => void Object.assign(document, { cookie: 'user=ada' }));
    const pages = [];
    for (let number = 0; number < 7; number += 1) pages.push(await firefox.open(`${origin}/`));
    const tabs: Look[] = pages.map((page) => () => page.evaluate(look));
    await Promise.all(tabs.map(isOpen));
    expect(await streams()).toBe(1);
    expect((await clientsOf('ada')).length).toBe(7);
    await send(1, (await (tabs[0] as Look)()).id);
    await send(2);
    await heard(tabs[0] as Look, 2);
    await Promise.all(tabs.slice(1).map((tab) => heard(tab, 1, 2)));
    await pages[0]?.evaluate(() => location.assign('/elsewhere'));
    await until('its client to leave', async () => (await clientsOf('ada')).length === 6);
    await send(3);
    await Promise.all(tabs.slice(1).map((tab) => heard(tab, 1, 2, 3)));
    await noErrors(...tabs.slice(1));
  }, 120_000);
});
