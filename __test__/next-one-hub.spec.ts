/** `getInstance()` is the same hub wherever in the server's process it is called, whatever loaded the package there. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BUILD_TIMEOUT_MS, copyPackage, NextApp, type NextServer, removeApps } from './support/next-app';
import { closeClients, RawClient } from './support/raw-client';
import { until } from './support/until';

const folder = mkdtempSync(join(tmpdir(), 'ssekit-one-hub-'));
const script = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

/** Both run in the server's process, and call a method of the package in a folder. */
const CALL = script(
  'call.cjs',
  'module.exports = (folder, method, ...args) => require(folder).SSEService.getInstance()[method](...args);',
);
const CALL_IN_WORKER = script(
  'call-in-worker.cjs',
  `const { isMainThread, parentPort, Worker, workerData } = require('node:worker_threads');
  module.exports = (...workerData) => new Promise((resolve, reject) => {
    const worker = new Worker(__filename, { workerData });
    let result;
    worker.once('message', (message) => { result = message; });
    worker.once('error', reject);
    worker.once('exit', () => resolve(result));
  });
  if (!isMainThread && parentPort) parentPort.postMessage(require('./call.cjs')(...workerData));`,
);

let server: NextServer;
let installed: string;
const secondCopy = join(folder, 'second-copy');

beforeAll(async () => {
  const app = await NextApp.built();
  installed = join(app.folder, 'node_modules', 'ssekit');
  copyPackage(secondCopy);
  server = await app.serve('start');
}, BUILD_TIMEOUT_MS);
afterEach(closeClients);
afterAll(async () => {
  await removeApps();
  rmSync(folder, { recursive: true });
});

type Call = (method: 'getActiveClients' | 'sendToUser' | 'stats', ...args: unknown[]) => Promise<unknown>;
const PLACES: Record<string, Call> = {
  'a route handler': async (method, ...args) => (await server.post('/api/test/service', { method, args })).result,
  'the main thread, unbundled': (...call) => server.run(CALL, installed, ...call),
  'a worker thread': (...call) => server.run(CALL_IN_WORKER, installed, ...call),
  'a second copy of the package, with an addon of its own': (...call) => server.run(CALL, secondCopy, ...call),
};

test('every part of the app shares one hub', async () => {
  const client = await RawClient.stream(server.port, await server.streamOf('ada'));
  const { clientId } = await client.ready();
  // That a client has come, ssekit told the listener of instrumentation.ts, which sent this.
  await until('presence', () => client.events().some(({ event }) => event === 'presence'));
  const { epoch, position } = (await server.state()).stats;

  const rounds = [...Object.entries(PLACES), ...Object.entries(PLACES)];
  for (const [place, call] of rounds) {
    expect([place, await call('getActiveClients')]).toEqual([place, [clientId]]);
    expect([place, await call('stats')]).toMatchObject([place, { epoch, connects: 1 }]);
    expect([place, await call('sendToUser', 'ada', { event: 'from', data: place })]).toEqual([place, 1]);
  }

  const sent = rounds.map(([place], index) => ({
    event: 'from',
    data: JSON.stringify(place),
    id: `${epoch}.${position + 1 + index}`,
  }));
  await until('all of it', () => client.events().filter(({ event }) => event === 'from').length === sent.length);
  expect(client.events().slice(-sent.length)).toEqual(sent);
  expect(server.complaints).toEqual([]);
});
