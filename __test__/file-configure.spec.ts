/** The options of a history in a folder, and how a process gets in. */
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';

import { Evaluator, type Given } from './support/evaluator';
import { allKnow, open, ownFolder, told } from './support/nodes';
import { ARGUMENT, RANGE } from './support/witness';

const folder = ownFolder();

const REDIS = 'redis://ada:s3cret@127.0.0.1:1';

const configure = ({ SSEService }: Given, options: object): boolean =>
  SSEService.configure(options) === SSEService.getInstance();

const dirOf = (node: Evaluator): Promise<string | null | undefined> =>
  node.evaluate(({ sse }) => sse.stats().cluster?.dir);

const BOUNDS = [
  ['maxAgeMs', 1_000, 2 ** 40],
  ['maxEvents', 100, 100_000_000],
  ['maxBytes', 1 << 20, 2 ** 40],
] as const;

test('an invalid option is refused by its name', async () => {
  const node = await Evaluator.start();
  const refusals: [object, unknown, string[]][] = [
    [ARGUMENT, { file: 5 }, ['options.backplane.file: got 5, wants a string']],
    [ARGUMENT, { file: null }, ['options.backplane.file: got null, wants a string']],
    [ARGUMENT, { file: '' }, ['options.backplane.file: got an empty string, wants the path of a folder']],
    [ARGUMENT, { file: 'a\0b' }, ['options.backplane.file: got a path with a control character']],
    [ARGUMENT, { file: 'a\u001b[2J' }, ['options.backplane.file: got a path with a control character']],
    [ARGUMENT, { file: 'a\ud800' }, ['options.backplane.file: got a string with half of a surrogate pair']],
    [ARGUMENT, { file: 'x', dir: 'x' }, ['options.backplane.dir: no such option; known are', 'file, durability']],
    [ARGUMENT, { file: 'x', ['__proto__']: 5 }, ['options.backplane.__proto__', 'no such option']],
    [
      ARGUMENT,
      { file: 'x', durability: 'normal' },
      ["options.backplane.durability: got \"normal\", wants 'process' or 'always'"],
    ],
    [ARGUMENT, { file: 'x', maxEvents: '100' }, ['options.backplane.maxEvents: got "100", wants an integer from 100']],
    ...BOUNDS.flatMap(([name, least, most]): [object, unknown, string[]][] => [
      [RANGE, { file: 'x', [name]: least - 1 }, [`options.backplane.${name}: got ${least - 1}, wants`]],
      [RANGE, { file: 'x', [name]: most + 1 }, [`options.backplane.${name}: got ${most + 1}, wants`]],
    ]),
  ];
  for (const [error, backplane, says] of refusals) {
    const thrown = await node.thrownBy(configure, { backplane });
    expect([backplane, thrown]).toMatchObject([backplane, error]);
    for (const part of says) expect(thrown.message).toContain(part);
  }
  expect(await node.evaluate(({ sse }) => sse.stats().cluster)).toBe(null);
});

test.each([1, 2])('values at the bounds are accepted, also twice', async (which) => {
  const node = await Evaluator.start();
  const numbers = Object.fromEntries(BOUNDS.map((bound) => [bound[0], bound[which]]));
  const backplane = { file: folder.dir, durability: 'always', ...numbers };
  for (let times = 0; times < 2; times += 1) expect(await node.evaluate(configure, { backplane })).toBe(true);
});

test('a different option is named, and a folder spelled differently is the same', async () => {
  const node = await Evaluator.start();
  const set = { file: folder.dir, maxEvents: 1_000 };
  await node.evaluate(configure, { backplane: set });
  const same = `${dirname(folder.dir)}/x/../${basename(folder.dir)}/`;
  expect(await node.evaluate(configure, { backplane: { ...set, file: same } })).toBe(true);
  for (const [backplane, name] of [
    [{ ...set, file: `${folder.dir}2` }, 'backplane.file'],
    [{ ...set, durability: 'always' }, 'backplane.durability'],
    [{ ...set, maxEvents: 2_000 }, 'backplane.maxEvents'],
    [{ ...set, maxBytes: 1 << 21 }, 'backplane.maxBytes'],
    [{ redis: REDIS }, 'backplane.'],
  ] as const) {
    const thrown = await node.thrownBy(configure, { backplane });
    expect(thrown).toMatchObject({ class: 'Error', code: 'ERR_SSEKIT_CONFIGURED' });
    expect(thrown.message).toContain(name);
    expect(thrown.message).not.toContain('s3cret');
  }
});

describe('two backplanes are refused, with the names of both', () => {
  const [URL, DIR] = [{ SSEKIT_REDIS_URL: REDIS }, { SSEKIT_DATA_DIR: 'data' }];

  test.each<[string, object, Record<string, string>, string, string]>([
    ['two options', { redis: REDIS, file: 'data' }, {}, 'options.backplane.redis', 'options.backplane.file'],
    ['an option and a variable', { file: 'data' }, URL, 'SSEKIT_REDIS_URL', 'options.backplane.file'],
    ['the same, reversed', { redis: REDIS }, DIR, 'options.backplane.redis', 'SSEKIT_DATA_DIR'],
  ])('%s', async (_, backplane, env, redis, file) => {
    const node = await Evaluator.start(undefined, env);
    const thrown = await node.thrownBy(configure, { backplane });
    expect(thrown).toMatchObject(ARGUMENT);
    expect(thrown.message).toBe(
      `${redis} and ${file}: got two backplanes, wants one; remove ${redis} to keep the history in a folder, or remove ${file} to use Redis`,
    );
  });

  test('two variables, at the first call', async () => {
    const node = await Evaluator.start(undefined, { ...URL, ...DIR });
    for (const call of [
      ({ sse }: Given) => sse.broadcast({ data: 1 }),
      ({ sse }: Given) => sse.stats(),
      ({ SSEService }: Given) => SSEService.configure({ retryMs: 1_000 }),
    ]) {
      const thrown = await node.thrownBy(call);
      expect(thrown).toMatchObject(ARGUMENT);
      expect(thrown.message).toContain('SSEKIT_REDIS_URL and SSEKIT_DATA_DIR: got two backplanes');
      expect(thrown.message).not.toContain('s3cret');
    }
  });
});

test('the environment names the folder if no option does', async () => {
  const env = { SSEKIT_DATA_DIR: folder.dir };
  const [plain, configured] = [
    await Evaluator.start(undefined, env),
    await Evaluator.start({ retryMs: 1_000, backplane: { maxEvents: 1_000 } }, env),
  ];
  const empty = await Evaluator.start(undefined, { SSEKIT_DATA_DIR: '' });
  const ready = ({ sse }: Given) => sse.ready();
  expect(await Promise.all([plain, configured, empty].map((node) => node.evaluate(ready)))).toEqual([true, true, true]);
  expect([await dirOf(plain), await dirOf(configured), await dirOf(empty)]).toEqual([
    folder.dir,
    folder.dir,
    undefined,
  ]);
  const tab = await open(plain, 'ada', 'tab');
  await allKnow([plain, configured], ['tab']);
  expect(await configured.evaluate(({ sse }) => sse.sendToUser('ada', { event: 'user', data: 1 }))).toBe(1);
  await told(tab, 'user 1');
  const other = await Evaluator.start({ backplane: { file: `${folder.dir}2` } }, env);
  expect(await dirOf(other)).toBe(`${folder.dir}2`);
});

test('a relative path counts from the working directory, and stats() show the absolute one', async () => {
  const node = await Evaluator.start();
  const parent = dirname(folder.dir);
  await node.evaluate((_, parent) => process.chdir(parent), parent);
  expect(await node.evaluate(configure, { backplane: { file: 'data' } })).toBe(true);
  // Known before the hub starts, and unchanged by a later change of the working directory.
  const absolute = `${realpathSync(parent)}/data`;
  expect(await dirOf(node)).toBe(absolute);
  expect(existsSync(absolute)).toBe(false);
  await node.evaluate(() => process.chdir('/'));
  expect(await node.evaluate(({ sse }) => sse.ready())).toBe(true);
  expect(await dirOf(node)).toBe(absolute);
  expect(existsSync(`${absolute}/history.db`)).toBe(true);
});

test('a build of Next.js leaves the folder alone', async () => {
  const env = { NEXT_PHASE: 'phase-production-build', SSEKIT_DATA_DIR: folder.dir };
  const [plain, configured] = [
    await Evaluator.start(undefined, env),
    await Evaluator.start({ backplane: { file: folder.dir } }, env),
  ];
  for (const node of [plain, configured]) {
    expect(await node.evaluate(({ sse }) => sse.ready())).toBe(true);
    expect(await node.evaluate(({ sse }) => sse.isOnline('ada'))).toBe(false);
    await node.evaluate(({ sse }) => sse.broadcast({ data: 1 }));
    await node.evaluate(({ sse }) => sse.flush());
  }
  expect(existsSync(folder.dir)).toBe(false);
});
