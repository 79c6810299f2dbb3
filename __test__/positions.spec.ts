/** An idle page keeps a fresh id, so it resumes however long it was idle: other people's clients, and processes with a Redis or a folder. */
import { CuttingProxy } from './support/cutting-proxy';
import { type Evaluator, stopEvaluators } from './support/evaluator';
import { join, lastIdOf, type NodeOptions, open, ownFolder, sharedRedis, storyOf, told } from './support/nodes';
import { ThirdPartyClient, type ThirdPartyStream } from './support/third-party';
import { startWith, TRANSPORTS } from './support/transports';
import { until } from './support/until';

const POSITION = 'ssekit:position';
/** An idle page gets a position twice in that time, and a heartbeat as often. */
const OPTIONS = { heartbeatMs: 100, retryMs: 0, history: { maxAgeMs: 400 } };

test.each(TRANSPORTS)('a page can hear heartbeats, and keeps its last id, over %s', async (transport) => {
  const server = await startWith(transport, { heartbeatMs: 100, heartbeat: 'event' });
  const client = ThirdPartyClient.start('eventsource.mjs');
  const page = client.open(`http://127.0.0.1:${server.port}/sse?userId=ada`, ['own', 'ssekit:heartbeat']);
  await page.upTo('ssekit:ready');
  await server.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'own', data: 1, id: 'own' }));
  await page.upTo('own');
  const heartbeats = () => page.events.filter(({ name }) => name === 'ssekit:heartbeat');
  const before = heartbeats().length;
  await until('two heartbeats', () => heartbeats().length > before + 1);
  expect(heartbeats().at(-1)).toMatchObject({ data: '{}' });
  await server.evaluate(({ sse }) => sse.disconnectClient(sse.getActiveClients()[0] as string));
  const ready = () => page.events.filter(({ name }) => name === 'ssekit:ready');
  await until('the page to be back', () => ready().length === 2);
  expect(ready().map(({ data }) => JSON.parse(data).resumed)).toEqual([false, true]);
  await client.stop();
  await stopEvaluators();
});

describe.each(TRANSPORTS)('over %s', (transport) => {
  let server: Evaluator;
  beforeAll(async () => {
    server = await startWith(transport, OPTIONS);
  });
  afterAll(stopEvaluators);

  test.each([
    'eventsource.mjs',
    'eventsource2.mjs',
    'eventsource-client.mjs',
    'fetch-event-source.mjs',
    'undici.mjs',
    'httpx_sse_client.py',
    'sseclient_py_client.py',
  ])('%s resumes when its last event has expired', async (file) => {
    const client = ThirdPartyClient.start(file);
    const proxy = await CuttingProxy.start(server.port, [{ after: 'event: missed\n', bytes: 0 }]);
    const openAs = (user: string, port: number, names: string[]): ThirdPartyStream =>
      client.open(`http://127.0.0.1:${port}/sse?userId=${encodeURIComponent(user)}`, names);
    const page = openAs(file, proxy.port, ['own', 'missed', POSITION]);
    const other = openAs(`other ${file}`, server.port, []);
    await Promise.all([page.upTo('ssekit:ready'), other.upTo('ssekit:ready')]);
    const all = (name: string) => page.events.filter((event) => event.name === name);

    await server.evaluate(({ sse }, user) => sse.sendToUser(user, { event: 'own', data: 1, id: 'own' }), file);
    await page.upTo('own');
    await until('the event to expire', () => server.evaluate(({ sse }) => sse.stats().history.events === 0));
    const before = all(POSITION).length;
    await until('a position', () => all(POSITION).length > before);
    await server.evaluate(({ sse }, user) => sse.sendToUser(user, { event: 'missed', data: 2 }), file);
    await page.upTo('missed');

    expect(all('ssekit:ready').map(({ data }) => JSON.parse(data).resumed)).toEqual([false, true]);
    expect(page.events.map(({ name }) => name).filter((name) => name !== POSITION)).toEqual([
      'ssekit:ready',
      'own',
      'ssekit:ready',
      'missed',
    ]);
    expect(new Set(all(POSITION).map(({ data }) => data))).toEqual(new Set(['{}']));
    // Some clients show every event, and some only those that they listen for. An unnamed event would show everywhere.
    const shown = other.events.map(({ name }) => name).filter((name) => name !== POSITION);
    expect(shown).toEqual(['ssekit:ready']);
    await client.stop();
    proxy.stop();
  });
});

/** A page gets ever newer positions while others get more events than are kept. Then it comes back to a process that begins later. */
async function comesBackLater(place: string, options: NodeOptions): Promise<{ second: Evaluator; firstId: string }> {
  const first = await join(place, options);
  const page = await open(first, 'ada', 'tab');
  const firstId = lastIdOf(page);
  const position = await first.evaluate(async ({ sse }) => {
    for (let n = 0; n < 1_000; n += 1) {
      sse.sendToUser('grace', { event: 'other', data: n });
      if (n % 50 === 0) await sse.flush();
    }
    await sse.flush();
    return sse.stats().position;
  });
  await until('its position', () => Number(lastIdOf(page).split('.')[1]) >= position);
  const lastId = lastIdOf(page);
  expect(new Set(storyOf(page))).toEqual(new Set([`${POSITION} {}`]));
  await first.stop('SIGKILL');

  const second = await join(place, options);
  const again = await open(second, 'ada', 'tab', lastId);
  expect(await again.ready()).toMatchObject({ clientId: 'tab', resumed: true });
  await second.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'next', data: 1 }));
  await told(again, 'next 1');
  expect(storyOf(again).filter((event) => event.startsWith('ssekit:reset'))).toEqual([]);
  return { second, firstId };
}

describe('with Redis', () => {
  const redis = sharedRedis();

  test('an idle page resumes at a process that began later', async () => {
    const options = { ...OPTIONS, backplane: { maxStreamEvents: 100 } };
    const { second, firstId } = await comesBackLater(redis.url, options);
    // That process does not know the events after the page's first id.
    expect(await (await open(second, 'ada', 'tab', firstId)).ready()).toMatchObject({ resumed: false });
  });
});

describe('with a folder', () => {
  const folder = ownFolder();

  test('an idle page resumes at a process that began later', async () => {
    const options = { ...OPTIONS, backplane: { maxEvents: 100 } };
    const { second, firstId } = await comesBackLater(folder.dir, options);
    await told(await open(second, 'ada', 'tab', firstId), 'ssekit:reset {"reason":"evicted"}');
  });
});
