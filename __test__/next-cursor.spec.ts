/** A Server Component that reads a cursor is rendered for each request, and its page begins exactly there. */
import { BUILD_TIMEOUT_MS, NextApp, type NextServer, removeApps } from './support/next-app';
import { closeClients, RawClient } from './support/raw-client';

let server: NextServer;

beforeAll(async () => {
  server = await (await NextApp.built()).serve('start');
}, BUILD_TIMEOUT_MS);
afterEach(closeClients);
afterAll(removeApps);

/** The cursor in a page's HTML, where React separates texts by comments. */
async function cursorIn(path: string): Promise<string> {
  const { status, text } = await server.request('GET', path);
  expect(status).toBe(200);
  return /<p>cursor=(.*?);<\/p>/.exec(text.replaceAll('<!-- -->', ''))?.[1] ?? 'none';
}

const broadcast = (data: unknown): Promise<number> => server.call('broadcast', { event: 'n', data });

test('`cursor` of ssekit/next is of the moment of the request', async () => {
  for (const data of [1, 2, 3]) {
    await broadcast(data);
    const { epoch, position } = (await server.state()).stats;
    expect(await cursorIn('/test/cursor')).toBe(`${epoch}.${position}`);
  }
});

test('the plain `cursor` is of the moment of the build', async () => {
  const { epoch } = (await server.state()).stats;
  const built = await cursorIn('/test/stale-cursor');
  expect(built).toMatch(/^[0-9a-z]+\.\d+$/);
  expect(built.split('.')[0]).not.toBe(epoch);
  await broadcast(1);
  expect(await cursorIn('/test/stale-cursor')).toBe(built);
});

test('an event between rendering and connecting comes once', async () => {
  const { path, headers } = await server.streamOf('ada');
  await broadcast('in the page');
  const since = await cursorIn('/test/cursor');
  await broadcast('in between');
  const page = await RawClient.stream(server.port, { path: `${path}?since=${since}`, headers });
  await broadcast('live');
  await page.next(2);
  const seen = page.events().filter(({ event }) => event === 'n');
  expect(seen.map(({ data }) => data)).toEqual(['"in between"', '"live"']);
  expect(server.complaints).toEqual([]);
});
