/** Pages in private windows, and pages that may store nothing. Both may be without workers and locks, which browsers count as storage. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BareChromium } from './support/bare-chromium';
import { type EngineBrowser, inEachEngine } from './support/engines';
import { stopEvaluators } from './support/evaluator';
import { Firefox } from './support/firefox';
import { allHeard, expectNoErrors, ListeningTab, logIn, openTabs, TabSite, type Watched } from './support/tab-site';

afterEach(stopEvaluators);

/** Contexts of Chromium that a driver makes, and sessions of WebKitGTK, are private windows. They have all other tests. */
describe('Firefox, in private windows,', () => {
  let firefox: Firefox;
  beforeAll(async () => {
    firefox = await Firefox.start({ 'browser.privatebrowsing.autostart': true });
  }, 120_000);
  afterAll(() => firefox?.close());

  test('has one stream for all tabs', async () => {
    const site = await TabSite.start();
    await logIn(firefox, site, 'ada');
    const tabs = await openTabs(firefox, site, 3);
    await site.hasStreams(1);
    await site.send(1);
    await allHeard(tabs, 1);
    await tabs[0]?.page.close();
    await site.hasClients('ada', 2);
    await site.send(2);
    await allHeard(tabs.slice(1), 1, 2);
    await expectNoErrors(...tabs.slice(1));
  }, 120_000);
});

/** Two pages of a user without a cookie get each event, each by its own stream. */
async function haveOwnStreams(site: TabSite, open: (url: string) => Promise<Watched>): Promise<void> {
  const url = site.pageWith({ url: '/sse?user=ada' });
  const tabs = [new ListeningTab(await open(url)), new ListeningTab(await open(url))];
  await Promise.all(tabs.map((tab) => tab.isIn('open')));
  await site.send(1);
  await allHeard(tabs, 1);
  await site.hasStreams(2);
  await site.server.evaluate(({ sse }) => sse.disconnectUser('ada'));
  await site.hasClients('ada', 2);
  await site.send(2);
  await allHeard(tabs, 1, 2);
  await expectNoErrors(...tabs);
}

inEachEngine((browser: () => EngineBrowser) => {
  test('pages in a sandbox, which have no origin, have their own streams', async () => {
    const site = await TabSite.start({ csp: 'sandbox allow-scripts' });
    await haveOwnStreams(site, async (url) => {
      const page = await browser().open(url);
      const store = () => {
        try {
          return String(localStorage.length);
        } catch (error) {
          return (error as Error).name;
        }
      };
      expect(await page.evaluate(store)).toBe('SecurityError');
      return page;
    });
  }, 120_000);
});

test('tabs of a Firefox that stores nothing have their own streams', async () => {
  // "Block all cookies", which also stand for all other storage.
  const firefox = await Firefox.start({ 'network.cookie.cookieBehavior': 2 });
  try {
    const site = await TabSite.start();
    await haveOwnStreams(site, (url) => firefox.open(url));
  } finally {
    await firefox.close();
  }
}, 120_000);

test('tabs of a Chromium that stores nothing have their own streams', async () => {
  const chromium = await BareChromium.start((profile) => {
    mkdirSync(join(profile, 'Default'));
    const settings = { profile: { default_content_setting_values: { cookies: 2 } } };
    writeFileSync(join(profile, 'Default', 'Preferences'), JSON.stringify(settings));
  });
  try {
    const site = await TabSite.start();
    await haveOwnStreams(site, (url) => chromium.open(url));
  } finally {
    await chromium.close();
  }
}, 120_000);
