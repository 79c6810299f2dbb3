/** The page of the inspector works in each browser engine, under its own policy. */
import { inEachEngine } from './support/engines';
import { client, clientsTick, event, feedTick, hello } from './support/inspector-lines';
import { InspectorServer, stopInspectorServers } from './support/inspector-server';
import { until } from './support/until';

afterEach(stopInspectorServers);

/** Runs in the page. */
const look = () => {
  const texts = (selector: string) => [...document.querySelectorAll(selector)].map(({ textContent }) => textContent);
  return {
    status: document.getElementById('status')?.textContent,
    users: texts('#clients-body .user'),
    events: texts('#feed-body .name'),
    href: location.href,
  };
};

inEachEngine((browser) => {
  test('shows clients and events, and sends the token of its fragment', async () => {
    const server = await InspectorServer.start();
    server.token = 'sesame';
    const page = await browser().open(`${server.url}#token=sesame`);
    const watch = await server.watch(1);
    watch.write(hello(), clientsTick([client('c1', { user: '<b>ada</b>' })]), feedTick(event('news')));
    await until('the event', async () => (await page.evaluate(look)).events.length === 1);
    const seen = { status: 'Live', users: ['<b>ada</b>'], events: ['news'], href: server.url };
    expect(await page.evaluate(look)).toEqual(seen);
    expect(server.posted[0]?.headers.origin).toBe(server.origin);
    watch.cut();
    await server.watch(2);
    expect(server.elsewhere.filter((path) => path !== '/favicon.ico')).toEqual([]);
  });
});
