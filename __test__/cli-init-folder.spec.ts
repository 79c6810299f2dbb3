/** `ssekit init` and the history's folder: a new app has it, and neither a repository nor an image gets it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { stopClis } from './support/cli';
import { AppFolder, type AppShape, removeFolders } from './support/cli-app';

afterEach(stopClis);
afterAll(removeFolders);

const ENTRY = '# The history of ssekit: personal data\n';

/** Loads what `init` has written as the app would, and returns where the history then is. */
async function folderOf(shape: AppShape, env: Record<string, string>): Promise<string | undefined> {
  const app = new AppFolder(shape);
  await app.init();
  const written = app.read(`features/sse/index.${shape.language ?? 'ts'}`);
  const options = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 };
  app.write({ 'node_modules/.keep': '', 'loaded.cjs': ts.transpile(written, options) });
  symlinkSync(join(__dirname, '..'), join(app.path, 'node_modules', 'ssekit'));
  const { SSEKIT_DATA_DIR: _, SSEKIT_REDIS_URL: __, ...rest } = process.env;
  // Twice, as a hot reload does.
  const code = `
    const { SSEService } = require('./loaded.cjs');
    SSEService.configure({ retryMs: 1_000 });
    delete require.cache[require.resolve('./loaded.cjs')];
    require('./loaded.cjs');
    console.log(JSON.stringify(SSEService.getInstance().stats().cluster ?? null));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', code], {
    cwd: app.path,
    env: { ...rest, ...env },
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return JSON.parse(stdout)?.dir?.replace(`${realpathSync(app.path)}/`, '');
}

describe.each(['ts', 'js'] as const)('a new app (%s)', (language) => {
  test.each<[string, Record<string, string>, string | undefined]>([
    ['keeps the history in .data', {}, '.data'],
    ['keeps it where a variable says', { SSEKIT_DATA_DIR: 'elsewhere' }, 'elsewhere'],
    ['keeps it in memory if the variable is empty', { SSEKIT_DATA_DIR: '' }, undefined],
    ['leaves it to Redis', { SSEKIT_REDIS_URL: 'redis://127.0.0.1:1' }, undefined],
    ['opens nothing in a build', { NEXT_PHASE: 'phase-production-build' }, undefined],
  ])('%s', async (_, env, folder) => {
    expect(await folderOf({ language }, env)).toBe(folder);
  });
});

test.each([
  ['an empty one', '', `${ENTRY}/.data/\n`],
  ['a usual one', 'node_modules\n.next\n', `node_modules\n.next\n\n${ENTRY}/.data/\n`],
  ['one without a line end', 'node_modules', `node_modules\n\n${ENTRY}/.data/\n`],
  ['one of Windows', 'node_modules\r\n', `node_modules\r\n\r\n${ENTRY}/.data/\n`.replace(/(?<!\r)\n/g, '\r\n')],
  ['one that names another folder', '.database\nx/.data\n', `.database\nx/.data\n\n${ENTRY}/.data/\n`],
])('.gitignore: init adds the folder to %s, once', async (_, before, after) => {
  const app = new AppFolder().write({ '.gitignore': before });
  for (const _ of [1, 2]) {
    expect(await app.init()).toMatchObject({ exitCode: 0, stderr: '' });
    expect(app.read('.gitignore')).toBe(after);
  }
});

test.each(['.data', '/.data', '.data/', '/.data/', '**/.data', '.data/*', '  .data  '])(
  '%j is there already',
  async (line) => {
    const app = new AppFolder().write({ '.gitignore': `a\n${line}\nb\n`, '.dockerignore': `a\n${line}\nb\n` });
    expect((await app.init()).exitCode).toBe(0);
    expect([app.read('.gitignore'), app.read('.dockerignore')]).toEqual([`a\n${line}\nb\n`, `a\n${line}\nb\n`]);
  },
);

test('git leaves the folder out, and only that', async () => {
  const app = new AppFolder();
  await app.init();
  app.write({ '.data/history.db': '', 'sub/.data/file': '' });
  const git = (...args: string[]) => spawnSync('git', args, { cwd: app.path, encoding: 'utf8' }).stdout;
  git('init', '--quiet');
  const ignored = git('check-ignore', '.data/history.db', 'sub/.data/file', '.gitignore');
  expect(ignored).toBe('.data/history.db\n');
});

test('a .dockerignore gets the folder, but none is made', async () => {
  const app = new AppFolder();
  await app.init();
  expect(Object.keys(app.files())).not.toContain('.dockerignore');
  app.write({ '.dockerignore': '.next\n' });
  await app.init();
  expect(app.read('.dockerignore')).toBe(`.next\n\n${ENTRY}.data\n`);
});

test('a file that wants the folder in is left to the user', async () => {
  const app = new AppFolder().write({ '.gitignore': '*\n!/.data/\n' });
  const { exitCode, stdout } = await app.init();
  expect(exitCode).toBe(1);
  expect(stdout.replace(/\s+/g, ' ')).toContain('.gitignore: it says that .data belongs in there.');
  expect(app.read('.gitignore')).toBe('*\n!/.data/\n');
});

test('an app with its own module for ssekit decides itself', async () => {
  const feature = "export { SSEService } from 'ssekit';\n";
  const app = new AppFolder().write({ 'features/sse/index.ts': feature });
  expect((await app.init()).exitCode).toBe(0);
  expect(Object.keys(app.files())).not.toContain('.gitignore');
  expect(app.read('features/sse/index.ts')).toBe(feature);
});

test('a .gitignore that links out of the app is not written', async () => {
  const outside = mkdtempSync(join(tmpdir(), 'ssekit-outside-'));
  try {
    writeFileSync(join(outside, 'ignore'), 'a\n');
    const app = new AppFolder();
    symlinkSync(join(outside, 'ignore'), join(app.path, '.gitignore'));
    expect((await app.init()).exitCode).toBe(1);
    expect(readFileSync(join(outside, 'ignore'), 'utf8')).toBe('a\n');
  } finally {
    rmSync(outside, { recursive: true });
  }
});
