/** `ssekit/publish` where Node.js is not: it needs `fetch` and what every runtime has. */
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import type { createPublisher as CreatePublisher } from 'ssekit/publish';
import { stopEvaluators } from './support/evaluator';
import { BUILD_TIMEOUT_MS, NextApp, type NextServer, removeApps } from './support/next-app';
import { type PublishingServer, startPublishing, TOKEN } from './support/publishing';
import { closeClients } from './support/raw-client';

const DIST = resolve(__dirname, '..', 'dist');

let listener: PublishingServer;

beforeAll(async () => {
  listener = await startPublishing();
});
afterEach(closeClients);
afterAll(stopEvaluators);

/** Loads a file of the package as a bundler would for a browser: what it asks for beside other files is not there. */
function loadBare(
  file: string,
  globals: Record<string, unknown>,
): { exports: Record<string, unknown>; files: string[] } {
  const context = createContext({ ...globals });
  const modules = new Map<string, Record<string, unknown>>();
  const load = (path: string): Record<string, unknown> => {
    const known = modules.get(path);
    if (known) return known;
    const exports = {};
    modules.set(path, exports);
    const require = (name: string): unknown => {
      if (!name.startsWith('.')) throw new Error(`${path} wants ${name}`);
      return load(resolve(dirname(path), name));
    };
    runInContext(`(function (exports, require) {${readFileSync(path, 'utf8')}\n})`, context)(exports, require);
    return exports;
  };
  const exports = load(join(DIST, file));
  return { exports, files: [...modules.keys()].map((path) => relative(DIST, path).replaceAll('\\', '/')) };
}

test('works with web globals only, without a `process`', async () => {
  const { exports, files } = loadBare('publish/index.js', { AbortSignal, crypto, fetch, setTimeout, URL });
  const createPublisher = exports.createPublisher as typeof CreatePublisher;
  const client = await listener.open('bare');
  expect(await createPublisher({ url: listener.url, token: TOKEN }).broadcast({ data: 'hello' })).toBe(1);
  expect(await listener.eventsOf(client)).toMatchObject([{ data: '"hello"' }]);
  expect(() => createPublisher()).toThrow('options.url: got undefined');
  // It shares only the pure part of the server's code.
  expect(files.filter((file) => !file.startsWith('publish/')).sort()).toEqual([
    'server/arguments.js',
    'server/error-codes.js',
    'server/errors.js',
    'server/opentelemetry.js',
    'server/send-span.js',
    'server/size.js',
    'server/trace-context.js',
  ]);
});

describe('in the edge runtime of Next.js', () => {
  let server: NextServer;

  beforeAll(async () => {
    server = await (await NextApp.built()).serve('start');
  }, BUILD_TIMEOUT_MS);
  afterAll(removeApps);

  test('it publishes from a route', async () => {
    const client = await listener.open('edge', 'ada');
    const answer = await server.post('/api/test/edge', {
      options: { url: listener.url, token: TOKEN },
      publications: [
        { userId: 'ada', event: { event: 'notification', data: { message: 'from the edge' } } },
        { broadcast: true, event: { data: 2 } },
      ],
    });
    const events = await listener.eventsOf(client);
    expect(events).toMatchObject([{ event: 'notification', data: '{"message":"from the edge"}' }, { data: '2' }]);
    expect(answer).toEqual({ edge: true, receipts: events.map(({ id }) => ({ clients: 1, id })) });
  });

  test('it throws the usual errors', async () => {
    const options = { url: listener.url, token: 'a-token-of-somebody-else-altogether' };
    const refused = await server.post('/api/test/edge', {
      options,
      publications: [{ userId: 'ada', event: { data: 1 } }],
    });
    expect(refused.error).toMatchObject({ name: 'PublishError', code: 'ERR_SSEKIT_PUBLISH', status: 401 });
    const mistaken = await server.post('/api/test/edge', { options, publications: [{ event: { data: 1 } }] });
    expect(mistaken.error).toMatchObject({ name: 'TypeError', code: 'ERR_SSEKIT_ARGUMENT' });
    expect(server.complaints).toEqual([]);
  });
});
