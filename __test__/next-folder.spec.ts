/** Two servers of the example app and a worker on one folder, without any other server. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BUILD_TIMEOUT_MS, NextApp, type NextServer, removeApps } from './support/next-app';
import { lastIdOf, storyOf, told } from './support/nodes';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

let app: NextApp;
let folder: string;
const workers = new Set<ChildProcess>();

beforeAll(async () => {
  app = await NextApp.built();
}, BUILD_TIMEOUT_MS);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ssekit-next-folder-'));
});
afterEach(async () => {
  closeClients();
  for (const worker of workers) await kill(worker);
  await app.stopServers();
  rmSync(folder, { recursive: true });
});
afterAll(removeApps);

const env = (): Record<string, string> => ({ SSEKIT_DATA_DIR: folder });
const serve = (): Promise<NextServer> => app.serve('start', { env: env() });

/** Its code is TypeScript, and its imports are those of the app. */
async function startWorker(): Promise<ChildProcess> {
  const cwd = join(__dirname, '..', 'examples', 'cluster');
  const how = { cwd, execArgv: ['--import', 'tsx'], env: { ...process.env, ...env() } };
  const worker = fork(join(__dirname, 'programs', 'order-worker', 'main.ts'), how);
  workers.add(worker);
  let isReady = false;
  worker.once('message', () => {
    isReady = true;
  });
  await until('the worker', () => isReady);
  return worker;
}

async function kill(worker: ChildProcess): Promise<void> {
  workers.delete(worker);
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  if (worker.kill('SIGKILL')) await ended;
}

/** A page of Ada's, whose client id it keeps over reconnects. */
async function open(server: NextServer, clientId: string, lastEventId?: string): Promise<RawClient> {
  const { path, headers } = await server.streamOf('ada');
  const last = lastEventId !== undefined && { 'last-event-id': lastEventId };
  return RawClient.stream(server.port, { path: `${path}?clientId=${clientId}`, headers: { ...headers, ...last } });
}

const ordered = (worker: ChildProcess, orderId: string): boolean => worker.send({ orderId, userId: 'ada' });
const completed = (orderId: string): string => `order-completed {"orderId":"${orderId}","status":"completed"}`;

/** The event that the guide's job sends about an order, with its progress. */
const storyOfOrder = (orderId: string): string[] => [
  `order-processing {"orderId":"${orderId}","status":"started"}`,
  ...[20, 40, 60, 80].map((percent) => `order-progress {"orderId":"${orderId}","percent":${percent}}`),
  completed(orderId),
];

/** The events of orders, by id. The app's own (presence, its node's name) come between. */
const orders = (page: RawClient): [id: string | undefined, story: string][] =>
  page
    .events()
    .filter(({ event = '' }) => event.startsWith('order-'))
    .map(({ event, data, id }) => [id, `${event} ${data}`]);
const stepsOf = (page: RawClient): string[] => orders(page).map(([, story]) => story);

const clientsOf = (server: NextServer): Promise<string> =>
  server.state().then(({ clients }) => JSON.stringify(clients.toSorted()));
const knows = (server: NextServer, ...clients: string[]): Promise<unknown> =>
  until(`${clients}`, async () => (await clientsOf(server)) === JSON.stringify(clients));

test("the guide's job in a worker reaches the pages of both servers, with the same ids", async () => {
  const [a, b, worker] = await Promise.all([serve(), serve(), startWorker()]);
  const pages = await Promise.all([open(a, 'at-a'), open(b, 'at-b')]);
  await Promise.all([knows(a, 'at-a', 'at-b'), knows(b, 'at-a', 'at-b')]);
  ordered(worker, '1');
  for (const page of pages) await told(page, completed('1'));
  const [first, second] = pages.map(orders);
  expect(first?.map(([, story]) => story)).toEqual(storyOfOrder('1'));
  expect(second).toEqual(first);
  expect([...a.complaints, ...b.complaints]).toEqual([]);
});

test('each of them may be killed: pages go on at the other server with what they missed', async () => {
  let [a, b, worker] = await Promise.all([serve(), serve(), startWorker()]);
  const page = await open(a, 'tab');
  ordered(worker, '1');
  await until('the order to begin', () => stepsOf(page).length > 2);
  await a.stop();
  const atB = await open(b, 'tab', lastIdOf(page));
  await told(atB, completed('1'));
  expect([...stepsOf(page), ...stepsOf(atB)]).toEqual(storyOfOrder('1'));

  // The worker ends in the middle of an order: what it sent is there, and the next one goes on with other orders.
  ordered(worker, '2');
  await until('the next order to begin', () => stepsOf(atB).some((story) => story.startsWith('order-processing')));
  await kill(worker);
  worker = await startWorker();
  ordered(worker, '3');
  await told(atB, completed('3'));

  // Nobody serves for a while.
  await b.stop();
  ordered(worker, '4');
  await new Promise((resolve) => worker.once('message', resolve));
  a = await serve();
  const back = await open(a, 'tab', lastIdOf(atB));
  await told(back, completed('4'));
  expect(stepsOf(back)).toEqual(storyOfOrder('4'));
  for (const each of [atB, back]) expect(storyOf(each).filter((story) => story.startsWith('ssekit:reset'))).toEqual([]);
});

test('a killed server takes its clients along', async () => {
  const [a, b] = await Promise.all([serve(), serve()]);
  await Promise.all([open(a, 'at-a'), open(b, 'at-b')]);
  await Promise.all([knows(a, 'at-a', 'at-b'), knows(b, 'at-a', 'at-b')]);
  await b.stop();
  await knows(a, 'at-a');
  expect(await a.call('isOnline', 'ada')).toBe(true);
  await a.stop();
  const next = await serve();
  await knows(next);
  expect(await next.call('isOnline', 'ada')).toBe(false);
});

test('the first page after a start has a cursor that its stream can begin with', async () => {
  const cursorOf = async (server: NextServer): Promise<string> => {
    const { text } = await server.request('GET', '/test/cursor');
    return /<p>cursor=(.*?);<\/p>/.exec(text.replaceAll('<!-- -->', ''))?.[1] ?? 'none';
  };
  const first = await serve();
  await first.call('broadcast', { event: 'order-note', data: 1 });
  await first.stop();
  // A server that nobody has asked for anything yet.
  const server = await app.serve('start', { env: env(), untouched: true });
  const since = await cursorOf(server);
  const { path, headers } = await server.streamOf('ada');
  await server.call('broadcast', { event: 'order-note', data: 2 });
  const page = await RawClient.stream(server.port, { path: `${path}?since=${since}`, headers });
  await told(page, 'order-note 2');
  expect(page.events().filter(({ event }) => event === 'ssekit:reset')).toEqual([]);
  expect(stepsOf(page)).toEqual(['order-note 2']);
});
