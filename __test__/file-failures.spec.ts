/** A folder that cannot be used: one event `error` says why, and streams live from memory. */
import { chmodSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join as path } from 'node:path';

import type { Evaluator } from './support/evaluator';
import { errorsOf, join, launch, linkIs, open, ownFolder, storyOf, told } from './support/nodes';
import { killPrograms, Program } from './support/program';

const folder = ownFolder();

afterEach(killPrograms);

const database = (): string => path(folder.dir, 'history.db');

/** A history with some events, whose folder was closed: SQLite's log is empty. */
async function leaveHistory(): Promise<void> {
  const node = await join(folder.dir);
  await node.evaluate(async ({ sse }) => {
    for (let i = 0; i < 200; i += 1) sse.broadcast({ event: 'old', data: 'x'.repeat(1_000) });
    await sse.drain({ windowMs: 0 });
  });
  await node.stop();
}

/** Writes over a part of the database. */
function overwrite(at: number, bytes: Buffer): void {
  writeSync(openSync(database(), 'r+'), bytes, 0, bytes.length, at);
}

/** Big-endian, as SQLite's head has its numbers. */
const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

/** Permissions do not bind the root user. */
const becomeOrdinary = (node: Evaluator): Promise<void> =>
  node.evaluate(({ sse }) => {
    // Load the addon while it can be read. This starts no hub, which would use the folder as root.
    sse.stats();
    if (process.getuid?.() === 0) process.setuid?.(65_534);
  });

async function livesFromMemory(node: Evaluator, why: RegExp): Promise<void> {
  expect(await node.evaluate(({ sse }) => sse.ready())).toBe(false);
  const tab = await open(node, 'ada', 'tab');
  expect(await node.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'user', data: 1 }))).toBe(1);
  await told(tab, 'user 1');
  expect(await node.evaluate(({ sse }) => sse.broadcast({ event: 'all', data: 2 }))).toBe(1);
  await told(tab, 'all 2');
  expect(storyOf(tab)).toEqual(['user 1', 'all 2']);
  // In the seconds that `ready` takes, there were many attempts.
  const errors = await errorsOf(node);
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatch(why);
  expect(errors[0]).toContain(folder.dir);
}

test.each<[string, () => unknown, RegExp]>([
  ['a file in place of the folder', () => writeFileSync(folder.dir, ''), /a file has the name of a folder/],
  [
    'a file above the folder',
    () => {
      rmSync(dirname(folder.dir), { recursive: true });
      writeFileSync(dirname(folder.dir), '');
    },
    /a file has the name of a folder/,
  ],
  [
    'a text in place of the database',
    () => {
      mkdirSync(folder.dir);
      writeFileSync(database(), 'This is a text, and no database. '.repeat(100));
    },
    /not a database; wants an empty folder, or one of ssekit/,
  ],
  [
    'a folder in place of the database',
    () => mkdirSync(database(), { recursive: true }),
    /a folder has the name of the file/,
  ],
])('%s', async (_, prepare, why) => {
  prepare();
  await livesFromMemory(await launch(folder.dir), why);
});

test.each<[string, () => void, RegExp]>([
  ["another app's database", () => overwrite(68, number(42)), /another application.*0x0000002a/],
  ['a database of a newer format', () => overwrite(60, number(9)), /its format is 9, and this release.* format 2/],
  ['a damaged database', () => overwrite(4_096, Buffer.alloc(65_536, 0xff)), /the file is damaged/],
])('%s', async (_, change, why) => {
  await leaveHistory();
  change();
  const before = readFileSync(database());
  await livesFromMemory(await launch(folder.dir), why);
  expect(readFileSync(database()).equals(before)).toBe(true);
});

test('a folder that cannot be written', async () => {
  mkdirSync(folder.dir);
  chmodSync(dirname(folder.dir), 0o755);
  chmodSync(folder.dir, 0o555);
  const node = await launch(folder.dir);
  await becomeOrdinary(node);
  await livesFromMemory(node, /no permission/);
});

test('a process joins once the folder can be used', async () => {
  writeFileSync(folder.dir, '');
  const node = await launch(folder.dir);
  const tab = await open(node, 'ada', 'tab');
  await node.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'user', data: 1 }));
  await told(tab, 'user 1');
  await linkIs(node, 'down');
  rmSync(folder.dir);
  await linkIs(node, 'up');
  await node.evaluate(({ sse }) => sse.flush());
  const other = await join(folder.dir);
  expect(await other.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'user', data: 2 }))).toBe(1);
  await told(tab, 'user 2');
  expect((await errorsOf(node)).at(-1)).toBe('the backplane can be used again');
});

test.each<[string, RegExp]>([
  ['nothing', /^ssekit: the backplane cannot be used, ssekit keeps trying: .*: a file has the name of a folder.*\n$/],
  ['listens', /^$/],
])('stderr says why, unless somebody listens: %s', async (more, expected) => {
  writeFileSync(folder.dir, '');
  const script = new Program('sends-only.cjs', [JSON.stringify({ file: folder.dir }), '1', more]);
  expect(await script.ends()).toBe(0);
  expect(script.stderr).toMatch(expected);
});
