/** `ssekit/client` as it is shipped: a small ES module for any page, the same by `require`, and types that hold the app to its events. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { problems } from './support/type-problems';

const ROOT = join(__dirname, '..');
const FOLDER = join(ROOT, 'dist', 'client');

test.each([
  ['the client', 'index.mjs', 4_096, ['import("./subscriptions.mjs")', 'import("./share.mjs")']],
  ['what it loads when a page changes its channels', 'subscriptions.mjs', 1_024, []],
  ['what it loads over HTTP/1.1, to share a connection', 'share.mjs', 1_536, []],
])('%s is one file, small when gzipped', (_, file, bytes, imports) => {
  const text = readFileSync(join(FOLDER, file), 'utf8');
  expect(gzipSync(text, { level: 9 }).length).toBeLessThan(bytes);
  expect(text.match(/\b(import|require)\b[^;,]{0,24}?\)/g) ?? []).toEqual(imports);
});

test.each([
  ['import', "import('ssekit/client').then(tell)"],
  ['require', "tell(require('ssekit/client'))"],
])('Node.js gets it by %s', (_, load) => {
  const tell = 'const tell = (client) => console.log(JSON.stringify(Object.keys(client).sort()));';
  const { stdout } = spawnSync(process.execPath, ['-e', `${tell} ${load}`], { cwd: ROOT, encoding: 'utf8' });
  expect(JSON.parse(stdout)).toEqual(['SSEClientError', 'createClient']);
});

const DECLARED = `
import { createClient, type SSEClientError, type StandardSchema } from 'ssekit/client';
import type { SSEEventMap } from 'ssekit';
interface Events { notification: { message: string }; 'order-completed': { orderId: string } }
declare const schema: StandardSchema<{ message: string }>;
declare const wrong: StandardSchema<{ massage: string }>;
const typed = createClient<Events>({ url: '/api/sse' });
const free = createClient({ url: '/api/sse' });
`;

const FITS = [
  "typed.on('notification', (data, event) => data.message + event.id + event.data.message);",
  "typed.on('ssekit:ready', ({ clientId, userId }) => [clientId, userId?.length]);",
  "typed.on('*', (_, event) => event.event === 'order-completed' && event.data.orderId);",
  'typed.onReset(async ({ reason, channel }) => [reason, channel]);',
  'typed.onError((error: SSEClientError) => error.code);',
  "typed.onStatus(({ state, retryAt = 0 }) => state === 'waiting' && retryAt - Date.now());",
  "typed.subscribe('order:1', { since: typed.cursor });",
  "for await (const event of typed) if (event.event === 'notification') event.data.message;",
  "createClient<Events>({ url: new URL('http://a'), schemas: { notification: schema }, share: false });",
  "createClient({ url: '', share: 'auto' });",
  "createClient({ url: '', auth: async () => ({ ticket: '', expiresIn: 1 }), signal: AbortSignal.timeout(1) });",
  "free.on('anything', (data: unknown) => data);",
  "createClient<SSEEventMap>({ url: '' }).close();",
];

const MISTAKES: [statement: string, said: string][] = [
  ["typed.on('notifications', () => {});", '\'"notifications"\' is not assignable'],
  ["typed.on('notification', (data) => data.massage);", "'massage' does not exist"],
  ["typed.on('notification', (data: { message: number }) => data);", 'not assignable'],
  ["typed.on('*', (_, event) => event.event === 'order-complete');", 'no overlap'],
  ["createClient<Events>({ url: '', schemas: { notification: wrong } });", 'not assignable'],
  ["createClient<Events>({ url: '', schemas: { other: schema } });", "'other' does not exist"],
  ["createClient({ url: '', share: true });", 'not assignable'],
  ["createClient({ url: '', urls: '' });", "'urls' does not exist"],
  ['createClient({});', "'url' is missing"],
  ["typed.status.state === 'opened';", 'no overlap'],
  ["free.on('anything', (data) => data.message);", "'data' is of type 'unknown'"],
];

describe('the types', () => {
  test('take what fits, and no wrong names and payloads', () => {
    const found = problems(DECLARED, [...FITS, ...MISTAKES.map(([statement]) => statement)]);
    expect(found.slice(0, FITS.length)).toEqual(FITS.map(() => undefined));
    expect(found.slice(FITS.length)).toEqual(MISTAKES.map(([, said]) => expect.stringContaining(said)));
  });
});
