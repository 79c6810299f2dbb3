/** Tabs of two versions of the package, as after a deploy: each version has its own worker, and a server serves only that of its own. */
import { inEachEngine } from './support/engines';
import { stopEvaluators } from './support/evaluator';
import { allHeard, expectNoErrors, ListeningTab, logIn, openTabs, TabSite } from './support/tab-site';
import { until } from './support/until';

const OLD = { version: '0123456789abcdef' };

afterEach(stopEvaluators);

inEachEngine((browser) => {
  test('tabs from before a deploy keep their worker beside the new one, and all get each event once', async () => {
    const before = await TabSite.start(OLD);
    await logIn(browser(), before, 'ada');
    const old = await openTabs(browser(), before, 2);
    await before.send(1);
    await allHeard(old, 1);
    const site = await before.restart();
    await site.hasClients('ada', 2);
    await Promise.all(old.map((tab) => tab.isIn('open')));
    await site.hasStreams(1);
    const young = await openTabs(browser(), site, 2);
    await site.hasStreams(2);
    expect((await site.clientsOf('ada')).length).toBe(4);
    await site.send(2);
    await allHeard(old, 1, 2);
    await allHeard(young, 2);
    // The old worker ends with the last of its tabs.
    for (const { page } of old) await page.close();
    await site.hasStreams(1);
    await site.send(3);
    await allHeard(young, 2, 3);
    await expectNoErrors(...young);
  }, 120_000);

  test('an old page whose worker is gone has its own stream, and takes none from the new ones', async () => {
    const before = await TabSite.start(OLD);
    await logIn(browser(), before, 'ada');
    // It has no stream until after the deploy, and so no worker that the browser knows.
    const old = new ListeningTab(await browser().open(before.pageWith({ isLate: true })));
    await until('its files', () => old.page.evaluate(() => 'isLoaded' in globalThis));
    const site = await before.restart();
    const young = await openTabs(browser(), site, 2);
    await old.page.evaluate(() => (globalThis as unknown as { listen(): void }).listen());
    await old.isIn('open');
    await site.send(1);
    await allHeard([old, ...young], 1);
    await site.hasStreams(2);
    expect((await site.requests()).some(({ url }) => url === `/sse?ssekit-worker=${OLD.version}`)).toBe(true);
    await expectNoErrors(old, ...young);
  }, 120_000);
});
