/** `ssekit init` and its limits: links out of the app, endless configs, a workspace around the app. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from './support/cli';
import { AppFolder, removeFolders } from './support/cli-app';

let outside: string;
beforeEach(() => {
  outside = mkdtempSync(join(tmpdir(), 'ssekit-outside-'));
});
afterEach(() => rmSync(outside, { recursive: true, force: true }));
afterAll(removeFolders);

test.each(['features', 'components', 'app/api'])('init does not follow a link at %s out of the app', async (path) => {
  const app = new AppFolder();
  symlinkSync(outside, join(app.path, path));
  const { exitCode, stdout } = await app.init();
  expect(exitCode).toBe(1);
  expect(stdout).toContain('a symbolic link leads out of the app here');
  expect(readdirSync(outside)).toEqual([]);
  // All else is done.
  expect(app.read('next.config.ts')).toContain('withSSE');
});

test.each([
  ['next.config.ts', 'export default {};\n'],
  ['instrumentation.ts', 'export async function register() {}\n'],
  ['tsconfig.json', '{}'],
])('init does not write to a %s that links out of the app', async (name, text) => {
  const app = new AppFolder();
  const target = join(outside, name);
  writeFileSync(target, text);
  rmSync(join(app.path, name), { force: true });
  symlinkSync(target, join(app.path, name));
  expect((await app.init()).exitCode).toBe(1);
  expect(readdirSync(outside)).toEqual([name]);
  expect(app.read(name)).toBe(text);
});

test('a dangling link creates no file', async () => {
  const app = new AppFolder();
  symlinkSync(join(outside, 'made'), join(app.path, 'next.config.ts'));
  expect((await app.init()).exitCode).toBe(1);
  expect(readdirSync(outside)).toEqual([]);
});

test('init follows links within the app, and a link to the app', async () => {
  const app = new AppFolder().write({ 'parts/.keep': '' });
  symlinkSync('parts', join(app.path, 'components'));
  symlinkSync(app.path, join(outside, 'link'));
  expect(await runCli(['init', join(outside, 'link')])).toMatchObject({ exitCode: 0, stderr: '' });
  expect(app.read('parts/notifications.tsx')).toContain('Notifications');
});

const list = (count: number, name: (n: number) => string): string[] => Array.from({ length: count }, (_, n) => name(n));

test.each([
  ['extends itself', { 'tsconfig.json': '{"extends":"./tsconfig.json"}' }, 'it extends itself'],
  [
    'goes in a circle',
    { 'tsconfig.json': '{"extends":"./a"}', 'a.json': '{"extends":"./tsconfig"}' },
    'it extends itself',
  ],
  [
    'extends a thousand',
    { 'tsconfig.json': JSON.stringify({ extends: list(1000, (n) => `./${n}.json`) }) },
    'extends 1000 files, and the limit is 50',
  ],
  [
    'extends by forty in each of forty',
    {
      'tsconfig.json': JSON.stringify({ extends: list(40, (n) => `./0-${n}.json`) }),
      ...Object.fromEntries(
        list(400, (n) => `${Math.floor(n / 40)}-${n % 40}`).map((name) => [
          `${name}.json`,
          JSON.stringify({ extends: list(40, (n) => `./${Number(name.split('-')[0]) + 1}-${n}.json`) }),
        ]),
      ),
    },
    'extend more than 50 files',
  ],
  [
    'is nested without end',
    { 'tsconfig.json': `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}` },
    'nested too deep',
  ],
  [
    'is endless',
    { 'tsconfig.json': `{"a":"${'x'.repeat(1_000_000)}"}` },
    'not a regular file of at most 1,000,000 bytes',
  ],
])(
  'a tsconfig that %s is refused, with advice',
  async (_, files, reason) => {
    const app = new AppFolder().write(files as Record<string, string>);
    const { exitCode, stdout, stderr } = await app.init();
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
    expect(stdout.replace(/\s+/g, ' ')).toContain(reason);
    expect(app.read('features/sse/index.ts')).toContain('ssekit');
  },
  20_000,
);

(process.platform === 'win32' ? test.skip : test)('init does not wait for a tsconfig that is a pipe', async () => {
  const app = new AppFolder().write({ 'tsconfig.json': '{"extends":"./pipe.json"}' });
  spawnSync('mkfifo', [join(app.path, 'pipe.json')]);
  const { stdout } = await app.init();
  expect(stdout.replace(/\s+/g, ' ')).toContain('not a regular file of at most 1,000,000 bytes');
});

test('a tsconfig may extend one file in two ways', async () => {
  const app = new AppFolder().write({
    'tsconfig.json': '{"extends":["./a.json","./b.json"]}',
    'a.json': '{"extends":"./base.json"}',
    'b.json': '{"extends":"./base.json"}',
    'base.json': '{"compilerOptions":{"paths":{"@/*":["./*"]}}}',
  });
  expect((await app.init()).exitCode).toBe(0);
});

const NEXT = JSON.stringify({ dependencies: { next: '16.0.0' } });

test.each([
  ['npm', { 'package.json': '{"workspaces":["apps/*"]}' }],
  ['yarn', { 'package.json': '{"workspaces":{"packages":["apps/*"]}}' }],
  ['pnpm', { 'package.json': '{}', 'pnpm-workspace.yaml': 'packages:\n  - apps/*\n' }],
  ['one that depends on next itself', { 'package.json': '{"workspaces":["apps/*"],"devDependencies":{"next":"16"}}' }],
])('at the root of a workspace of %s, init names its apps', async (_, files) => {
  for (const [path, text] of Object.entries({
    ...files,
    'apps/web/package.json': NEXT,
    'apps/api/package.json': '{}',
  })) {
    mkdirSync(join(outside, path, '..'), { recursive: true });
    writeFileSync(join(outside, path), text as string);
  }
  mkdirSync(join(outside, 'node_modules/other'), { recursive: true });
  writeFileSync(join(outside, 'node_modules/other/package.json'), NEXT);
  const { exitCode, stdout, stderr } = await runCli(['init'], { cwd: outside });
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toMatch(/is the root of a workspace. Name the app:\n {2}npx ssekit init apps\/web\n$/);
});
