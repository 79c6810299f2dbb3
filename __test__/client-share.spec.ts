/** One connection for all tabs of a browser, over HTTP/1.1: https://html.spec.whatwg.org/multipage/workers.html#sharedworker */
import { createServer, type RequestListener, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BareChromium } from './support/bare-chromium';
import { Chromium, type ChromiumPage } from './support/chromium';
import { inEachEngine, UNSAFE } from './support/engines';
import { type Evaluator, stopEvaluators } from './support/evaluator';
import { join, ownFolder } from './support/nodes';
import {
  allHeard,
  expectNoErrors,
  ListeningTab,
  logIn,
  openTab,
  openTabs,
  type SiteOptions,
  TabSite,
} from './support/tab-site';
import { until } from './support/until';

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

inEachEngine((browser, name) => {
  test.each(['/sse', '/api'])(
    'seven tabs have one stream at %s, and each stays a client of its own',
    async (url) => {
      const site = await TabSite.start();
      await logIn(browser(), site, 'ada');
      const tabs = await openTabs(browser(), site, 7, { url });
      expect(await site.streams()).toBe(1);
      const ids = await Promise.all(tabs.map((tab) => tab.id()));
      expect((await site.clientsOf('ada')).sort()).toEqual([...ids].sort());
      const [first, ...others] = tabs as [ListeningTab, ...ListeningTab[]];
      await site.send(1, ids[0]);
      await site.server.evaluate(({ sse }, id) => sse.sendToClient(id, { event: 'number', data: 2 }), ids[0] as string);
      await site.send(3);
      await allHeard(others, 1, 3);
      await first.heard(2, 3);
      expect((await site.server.evaluate(({ sse }) => sse.stats().notHandedOff)).shared).toBe(7);
      await expectNoErrors(...tabs);
    },
    120_000,
  );

  // WebKitGTK's driver has no names of its own for a host.
  test.each(name === 'WebKitGTK' ? ['127.0.0.1'] : ['127.0.0.1', UNSAFE])(
    'a tab at %s that is closed or left takes nothing from the others',
    async (host) => {
      const site = (await TabSite.start()).at(host);
      await logIn(browser(), site, 'ada');
      const [closed, left, ...others] = (await openTabs(browser(), site, 4)) as [
        ListeningTab,
        ListeningTab,
        ...ListeningTab[],
      ];
      await site.send(1);
      await closed.page.close();
      await site.hasClients('ada', 3);
      await site.send(2);
      await left.heard(1, 2);
      await left.page.evaluate(() => void Object.assign(globalThis, { isKept: true }));
      await left.page.goto(`${site.origin}/elsewhere`);
      await site.hasClients('ada', 2);
      await site.send(3);
      await allHeard(others, 1, 2, 3);
      await left.page.back();
      await left.isIn('open');
      // A page from the back/forward cache goes on from where it was.
      const isKept = await left.page.evaluate(() => 'isKept' in globalThis);
      const before = isKept ? [1, 2, 3] : [];
      await left.heard(...before);
      await site.send(4);
      await allHeard(others, 1, 2, 3, 4);
      await left.heard(...before, 4);
      await site.hasStreams(1);
      if (name === 'Chromium') expect(isKept).toBe(true);
    },
    120_000,
  );

  test('two users of a browser never share', async () => {
    const site = await TabSite.start();
    await logIn(browser(), site, 'anna');
    const anna = await openTab(browser(), site);
    await logIn(browser(), site, 'bert');
    const bert = await openTab(browser(), site);
    await site.sendToUser('anna', 1);
    await site.sendToUser('bert', 2);
    await site.send(9);
    await anna.heard(1, 9);
    await bert.heard(2, 9);
    expect([await site.clientsOf('anna'), await site.clientsOf('bert')]).toEqual([
      [await anna.id()],
      [await bert.id()],
    ]);
    // Bert's next tabs share a connection of his.
    const before = await site.streams();
    const later = await openTabs(browser(), site, 2);
    expect(await site.streams()).toBe(before + 1);
    await site.sendToUser('bert', 3);
    await site.sendToUser('anna', 4);
    await site.send(10);
    await anna.heard(1, 9, 4, 10);
    await bert.heard(2, 9, 3, 10);
    await allHeard(later, 3, 10);
    // A log-out ends the streams of that user alone.
    await site.server.evaluate(({ sse }) => sse.disconnectUser('anna'));
    await site.send(11);
    await bert.heard(2, 9, 3, 10, 11);
    await allHeard(later, 3, 10, 11);
    await expectNoErrors(bert, ...later);
  }, 120_000);

  test('a worker hears that a tab has its own stream, even if locks are faster than messages', async () => {
    const site = await TabSite.start();
    await logIn(browser(), site, 'anna');
    const anna = await openTab(browser(), site);
    await logIn(browser(), site, 'bert');
    const bert = new ListeningTab(await browser().open(site.pageWith({ isLate: true })));
    await bert.page.evaluate(() => {
      const { postMessage } = MessagePort.prototype;
      MessagePort.prototype.postMessage = function (message: { type: string }) {
        const post = () => postMessage.call(this, message);
        if (message.type === 'alone') setTimeout(post, 100);
        else post();
      };
    });
    await until('its files', () => bert.page.evaluate(() => 'isLoaded' in globalThis));
    await bert.page.evaluate(() => (globalThis as unknown as { listen(): void }).listen());
    await bert.isIn('open');
    const locks = () => navigator.locks.query().then(({ held }) => held?.length);
    // Of the worker, and of Anna's tab.
    await until('the lock to be released', async () => (await anna.page.evaluate(locks)) === 2);
    const before = await site.streams();
    await openTabs(browser(), site, 2);
    expect(await site.streams()).toBe(before + 1);
  }, 120_000);

  test('a late tab with an older cursor gets what it has missed, and the others get nothing twice', async () => {
    const site = await TabSite.start();
    await logIn(browser(), site, 'ada');
    const first = await openTab(browser(), site);
    await site.send(1);
    await first.heard(1);
    const { cursor } = await first.look();
    await site.send(2);
    await site.send(3);
    await first.heard(1, 2, 3);
    const late = await openTab(browser(), site, { since: cursor });
    await late.heard(2, 3);
    const foreign = await openTab(browser(), site, { since: 'unknown.1' });
    await site.send(4);
    await late.heard(2, 3, 4);
    await first.heard(1, 2, 3, 4);
    expect(await site.streams()).toBe(1);
    await expectNoErrors(first, late, foreign);
  }, 120_000);

  test('a server that is killed costs the tabs nothing but a reconnect', async () => {
    const site = await TabSite.start();
    await logIn(browser(), site, 'ada');
    const tabs = await openTabs(browser(), site, 4);
    await site.send(1);
    await allHeard(tabs, 1);
    const restarted = await site.restart();
    await restarted.hasClients('ada', 4);
    await Promise.all(tabs.map((tab) => tab.isIn('open')));
    await restarted.send(2);
    await allHeard(tabs, 1, 2);
  }, 120_000);

  test.each<[string, SiteOptions, object]>([
    ['the page forbids workers', { csp: "default-src 'self'; worker-src 'none'" }, {}],
    ['the app says so', {}, { share: false }],
    ['the page came over HTTP/2', { http2: true }, {}],
  ])(
    'each tab has its own stream where %s',
    async (_, options, ofClient) => {
      const site = await TabSite.start(options);
      await logIn(browser(), site, 'ada');
      const tabs = await openTabs(browser(), site, 2, ofClient);
      await site.send(1);
      await allHeard(tabs, 1);
      const seen = await site.requests();
      expect(seen.filter(({ carrier }) => carrier)).toEqual([]);
      expect(seen.filter(({ url }) => url.startsWith('/sse?clientId')).length).toBe(2);
      // The client loads the file only where it may need it.
      expect(seen.some(({ url }) => url.endsWith('/share.mjs'))).toBe(options.csp !== undefined);
      await expectNoErrors(...tabs);
    },
    120_000,
  );

  test('each tab has its own stream where requests come to several processes', async () => {
    const nodes = [await join(folder.dir), await join(folder.dir)] as [Evaluator, Evaluator];
    const ports = await Promise.all(nodes.map((node) => TabSite.serveFrom(node)));
    const balancer = createServer(alternating(ports));
    await new Promise<void>((resolve) => balancer.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = balancer.address() as AddressInfo;
      const [site, other] = nodes.map((node) => new TabSite(node, `http://127.0.0.1:${port}`)) as [TabSite, TabSite];
      await logIn(browser(), site, 'ada');
      const tabs = await openTabs(browser(), site, 5);
      await site.send(1);
      await allHeard(tabs, 1);
      await expectNoErrors(...tabs);
      const seen = [...(await site.requests()), ...(await other.requests())];
      // The worker has given up.
      expect(seen.filter(({ carrier }) => carrier === 'v1 open').length).toBe(3);
    } finally {
      balancer.closeAllConnections();
      balancer.close();
    }
  }, 120_000);

  test('a channel that one tab asks for goes to that tab alone', async () => {
    const site = await TabSite.start();
    await logIn(browser(), site, 'ada');
    const [one, other] = (await openTabs(browser(), site, 2)) as [ListeningTab, ListeningTab];
    await site.server.evaluate(({ sse }, clientId) => sse.subscribe({ clientId }, 'order'), await one.id());
    await site.server.evaluate(({ sse }) => sse.sendToChannel('order', { event: 'number', data: 1 }));
    await site.send(2);
    await one.heard(1, 2);
    await other.heard(2);
    expect(await site.streams()).toBe(1);
  }, 120_000);
});

/** Only Chromium's protocol ends a page or a worker as a crash does. In WebKitGTK, the driver's session would end with the page. */
describe('in Chromium', () => {
  let browser: Chromium;
  beforeAll(async () => {
    browser = await Chromium.start([`--host-resolver-rules=MAP ${UNSAFE} 127.0.0.1`]);
  }, 120_000);
  beforeEach(() => browser.reset());
  afterAll(() => browser?.close());

  test.each(['127.0.0.1', UNSAFE])(
    'a tab at %s that crashes takes nothing from the others',
    async (host) => {
      const site = (await TabSite.start()).at(host);
      await logIn(browser, site, 'ada');
      const [crashed, ...others] = (await openTabs(browser, site, 3)) as [ListeningTab, ...ListeningTab[]];
      await site.send(1);
      await crashed.heard(1);
      const { own } = crashed.page as ChromiumPage;
      // The worker may die with it.
      await Promise.all([own.waitForEvent('crash'), own.goto('chrome://crash').catch(() => {})]);
      await site.send(2);
      await site.hasClients('ada', 2);
      await site.send(3);
      await allHeard(others, 1, 2, 3);
      await site.hasStreams(1);
    },
    120_000,
  );

  test('a worker that dies loses nothing', async () => {
    const site = await TabSite.start();
    await logIn(browser, site, 'ada');
    const tabs = await openTabs(browser, site, 3);
    await site.send(1);
    await allHeard(tabs, 1);
    const session = await browser.own.browser.newBrowserCDPSession();
    const { targetInfos } = await session.send('Target.getTargets');
    const workers = targetInfos.filter(({ type, url }) => type === 'shared_worker' && url.startsWith(site.origin));
    expect(workers).toHaveLength(1);
    for (const { targetId } of workers) await session.send('Target.closeTarget', { targetId });
    await site.send(2);
    await allHeard(tabs, 1, 2);
    await site.hasStreams(1);
    await site.send(3);
    await allHeard(tabs, 1, 2, 3);
  }, 120_000);
});

/** Only Chromium freezes pages. */
describe('Chromium that freezes a tab', () => {
  let chromium: BareChromium;
  beforeAll(async () => {
    chromium = await BareChromium.start();
  }, 120_000);
  afterAll(() => chromium?.close());

  test('takes nothing from the others, and the tab goes on from its own cursor', async () => {
    const site = await TabSite.start();
    const url = site.pageWith({ url: '/sse?user=ada' });
    const frozen = new ListeningTab(await chromium.open(url));
    const beside = new ListeningTab(await chromium.open(url));
    await frozen.isIn('open');
    await beside.isIn('open');
    expect(await site.streams()).toBe(1);
    await site.send(1);
    await frozen.heard(1);
    await frozen.page.setFrozen(true);
    await site.hasClients('ada', 1);
    await site.send(2);
    await beside.heard(1, 2);
    await frozen.page.setFrozen(false);
    await frozen.heard(1, 2);
    await site.send(3);
    await allHeard([frozen, beside], 1, 2, 3);
  }, 120_000);
});
