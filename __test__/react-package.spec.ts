/** The parts of `ssekit/react`: its module, and its types. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { problems } from './support/type-problems';

const ROOT = join(__dirname, '..');

describe('the module', () => {
  test('is under 3.5 KB, gzipped, and shares the client with the page', () => {
    const text = readFileSync(join(ROOT, 'dist', 'react', 'index.mjs'), 'utf8');
    expect(gzipSync(text, { level: 9 }).length).toBeLessThan(3_584);
    expect(text).toMatch(/^"use client";/);
    const imports = [...text.matchAll(/from"(.*?)"/g)].map(([, from]) => from);
    expect([...new Set(imports)].sort()).toEqual(['../client/index.mjs', 'react']);
  });

  test.each([
    ['import', "import('ssekit/react').then(tell)"],
    ['require', "tell(require('ssekit/react'))"],
  ])('Node.js gets it by %s, without a browser', (_, load) => {
    const tell = 'const tell = (module) => console.log(Object.keys(module).sort().join());';
    const { stdout } = spawnSync(process.execPath, ['-e', `${tell} ${load}`], { cwd: ROOT, encoding: 'utf8' });
    expect(stdout.trim()).toBe(
      'SSEProvider,useChannel,useConnection,useEvent,useLatest,useLive,usePresence,useRefreshOn',
    );
  });
});

describe('the types', () => {
  const declared = `
import { SSEProvider, useConnection, useEvent, useLatest, useLive, useRefreshOn } from 'ssekit/react';
declare module 'ssekit' {
  interface SSEEventMap { notification: { message: string }; 'order-completed': { orderId: string } }
}
const refetch = async () => ({ data: ['a'] });
`;
  const fits = [
    "useEvent('notification', ({ message }, { id }) => void (message + id));",
    "useEvent('*', (_, event) => event.event === 'notification' && event.data.message);",
    "useEvent('ssekit:join', ({ member }) => void member);",
    "useLatest('notification')?.message;",
    "useLatest('order-completed', null)?.orderId;",
    "useLive(['a'], { refetch, apply: (all, e) => (e.event === 'notification' ? [...all, e.data.message] : all) });",
    "useRefreshOn({ refresh() {} }, ['notification']);",
    "useConnection().state === 'open';",
    "SSEProvider({ url: '/sse', user: 7, auth: () => 'ticket' });",
  ];
  const mistakes: [statement: string, said: string][] = [
    ["useEvent('notifications', () => {});", 'not assignable'],
    ["useEvent('notification', ({ massage }) => massage);", "'massage' does not exist"],
    ["useLatest('notification').message;", 'possibly'],
    ["useLive(['a'], { refetch, apply: () => 7 });", 'not assignable'],
    ["useLive(['a'], { apply: (all) => all });", "'refetch' is missing"],
    ["useRefreshOn({ refresh() {} }, ['other']);", 'not assignable'],
    ["useConnection().state === 'opened';", 'no overlap'],
    ['SSEProvider({});', "'url' is missing"],
  ];

  test('take what fits, and no wrong names and payloads', () => {
    const found = problems(declared, [...fits, ...mistakes.map(([statement]) => statement)]);
    expect(found.slice(0, fits.length)).toEqual(fits.map(() => undefined));
    expect(found.slice(fits.length)).toEqual(mistakes.map(([, said]) => expect.stringContaining(said)));
  });
});
