/** Early resume under Next.js: a page that comes back has its stream before Next.js sees its request. */
import { join } from 'node:path';
import { BUILD_TIMEOUT_MS, NextApp, type NextServer, removeApps } from './support/next-app';
import { closeClients, RawClient } from './support/raw-client';
import { whileStopped } from './support/stopped';
import { until } from './support/until';

const PATH = '/api/test/resume';

afterEach(closeClients);
afterAll(removeApps);

interface Page {
  path: string;
  headers: Record<string, string>;
}

const page = (tab: number, user = 'ada', query = ''): Page => ({
  path: `${PATH}?clientId=tab-${tab}${query}`,
  headers: {
    accept: 'text/event-stream',
    cookie: `user=${user}`,
    'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0',
  },
});

/** Opens the page's stream. The page keeps its ticket and its place. */
async function open(server: NextServer, page: Page): Promise<RawClient> {
  const client = await RawClient.stream(server.port, page);
  const [, ticket] = /\r\nset-cookie: (ssekit-[^;]+)/i.exec(client.headText) ?? [];
  const user = page.headers.cookie?.split(';')[0];
  page.headers.cookie = `${user}; ${ticket}`;
  page.headers['last-event-id'] = client.events().at(-1)?.id ?? '';
  return client;
}

async function asked(server: NextServer): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${server.port}${PATH}`, { method: 'POST' });
  return (await response.json()).asked;
}

/** The app itself tells everybody who is there. */
async function newsOf(client: RawClient, count: number): Promise<string[]> {
  const news = (): string[] => client.events().flatMap(({ event = '' }) => (/^presence|:/.test(event) ? [] : [event]));
  return until(`${count} events`, () => news().length >= count && news());
}

/** The lines of a head that do not change from one answer to the next. */
const lasting = (client: RawClient): string[] =>
  client.headerLines.filter((line) => !/^(date|set-cookie|keep-alive):/.test(line)).sort();

describe.each(['start', 'dev'] as const)('next %s', (mode) => {
  let server: NextServer;

  beforeAll(async () => {
    const app = mode === 'dev' ? NextApp.copy() : await NextApp.built();
    server = await app.serve(mode);
  }, BUILD_TIMEOUT_MS);

  test('a page comes back without a question, with the head that Next.js wrote', async () => {
    const ada = page(1, 'ada', '&channel=order:1');
    const first = await open(server, ada);
    first.destroy();
    await until('ada to be gone', async () => (await server.state()).clients.length === 0);
    await server.call('sendToUser', 'ada', { event: 'missed', data: 1 });
    await server.call('sendToChannel', 'order:1', { event: 'channel', data: 2 });
    const before = await asked(server);
    const second = await open(server, ada);
    expect(await newsOf(second, 2)).toEqual(['missed', 'channel']);
    expect(await second.ready()).toMatchObject({ clientId: 'tab-1', resumed: true });
    expect(await asked(server)).toBe(before);
    expect((await server.call('stats')).resumed).toBe(1);
    expect(lasting(second)).toEqual(lasting(first));
    expect(lasting(first)).toContain('x-demo-proxy: 1');
    expect(first.headText).toMatch(/set-cookie: seen=1/i);
    expect(second.headText).not.toMatch(/set-cookie: seen=1/i);
  });

  test('nobody comes in by the ticket of another user, and after a log-out nobody at all', async () => {
    const [bob, eve] = [page(2, 'bob'), page(2, 'eve')];
    await open(server, bob);
    const before = await asked(server);
    const { resumed } = await server.call('stats');
    const stolen = { ...eve, headers: { ...eve.headers, cookie: `user=eve; ${bob.headers.cookie?.split('; ')[1]}` } };
    const client = await RawClient.request(server.port, stolen);
    await until('the refusal', () => client.status > 0);
    expect(client.status).toBe(409);
    await server.call('disconnectUser', 'bob');
    await open(server, bob);
    expect(await asked(server)).toBe(before + 2);
    expect((await server.call('stats')).resumed).toBe(resumed);
  });

  (process.platform === 'linux' ? test : test.skip)(
    'Node reads nothing of a request that has come before',
    async () => {
      const pages = Array.from({ length: 20 }, (_, tab) => page(100 + tab, `early${tab}`));
      for (const one of pages) await open(server, one);
      closeClients();
      await until('all to be gone', async () => (await server.state()).clients.length === 0);
      const [before, { resumed }] = [await asked(server), await server.call('stats')];
      const accepted = join(__dirname, 'support', 'accepted.cjs');
      const pid = (await server.run(accepted)) as number;
      const streams = await whileStopped(pid, () =>
        Promise.all(pages.map((one) => RawClient.request(server.port, { ...one }))),
      );
      for (const stream of streams) expect(await stream.ready()).toMatchObject({ resumed: true });
      const read = (await server.run(accepted)) as number[];
      expect(read.filter((bytes) => bytes === 0)).toHaveLength(20);
      expect([await asked(server), (await server.call('stats')).resumed]).toEqual([before, resumed + 20]);
      await server.call('broadcast', { event: 'live', data: 1 });
      for (const stream of streams) expect(await newsOf(stream, 1)).toEqual(['live']);
    },
  );
});

test(
  'pages come back to the next process, which is asked only about the first',
  async () => {
    const app = await NextApp.built();
    const before = await app.serve('start', { keeps: true });
    const pages = Array.from({ length: 20 }, (_, tab) => page(tab, `user${tab}`));
    for (const one of pages) await open(before, one);
    await before.call('broadcast', { event: 'seen by all', data: 1 });
    // An event that nobody has seen yet may be lost with the process.
    await before.call('flush');
    await app.stopServers();
    const after = await app.serve('start', { keeps: true });
    const [first, ...others] = pages as [Page, ...Page[]];
    const streams = [await open(after, first), ...(await Promise.all(others.map((one) => open(after, one))))];
    for (const stream of streams) {
      expect(await stream.ready()).toMatchObject({ resumed: true });
      expect(await newsOf(stream, 1)).toEqual(['seen by all']);
    }
    expect([await asked(after), (await after.call('stats')).resumed]).toEqual([1, 19]);
  },
  BUILD_TIMEOUT_MS,
);
