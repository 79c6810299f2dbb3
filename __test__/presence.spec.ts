/** `userOnline` and `userOffline` are about people, not about connections; `isOnline` says the same at any time. */
import { Evaluator, stopEvaluators } from './support/evaluator';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

afterEach(async () => {
  closeClients();
  await stopEvaluators();
});

async function start(presenceGraceMs: number): Promise<Evaluator> {
  const server = await Evaluator.start({ presenceGraceMs });
  await server.evaluate(({ sse, state }) => {
    state.told = [];
    for (const type of ['userOnline', 'userOffline'] as const) {
      sse.on(type, ({ userId }) => state.told.push(`${type} ${userId}`));
    }
  });
  return server;
}

const told = (server: Evaluator) => server.evaluate(({ state }) => state.told as string[]);
const isOnline = (server: Evaluator, user: string) => server.evaluate(({ sse }, user) => sse.isOnline(user), user);
const clients = (server: Evaluator, count: number) =>
  until(`${count} clients`, async () => (await server.evaluate(({ sse }) => sse.stats().clients)) === count);

test('a reload does not take a user offline', async () => {
  const server = await start(3_600_000);
  expect(await isOnline(server, 'ada')).toBe(false);
  for (let times = 0; times < 5; times += 1) {
    const tab = await RawClient.stream(server.port, { path: '/sse?userId=ada' });
    await clients(server, 1);
    expect(await isOnline(server, 'ada')).toBe(true);
    tab.reset();
    await clients(server, 0);
    expect(await isOnline(server, 'ada')).toBe(true);
  }
  await RawClient.stream(server.port, { path: '/sse?userId=bob' });
  await RawClient.stream(server.port, { path: '/sse' });
  await until('bob', async () => (await told(server)).length === 2);
  expect(await told(server)).toEqual(['userOnline ada', 'userOnline bob']);
});

test('a user goes offline after the grace period', async () => {
  const server = await start(50);
  const tabs = [];
  for (let tab = 0; tab < 3; tab += 1) tabs.push(await RawClient.stream(server.port, { path: '/sse?userId=ada' }));
  for (const tab of tabs) tab.end();
  await until('her to be offline', async () => (await told(server)).length === 2);
  expect(await told(server)).toEqual(['userOnline ada', 'userOffline ada']);
  expect(await isOnline(server, 'ada')).toBe(false);
  expect(await server.evaluate(({ sse }) => sse.isOnline(7))).toBe(false);
});
