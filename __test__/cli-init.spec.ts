/** `ssekit init`: what it writes into which app, and that it overwrites nothing. */
import { execFileSync } from 'node:child_process';
import { stopClis } from './support/cli';
import { AppFolder, type AppShape, removeFolders } from './support/cli-app';

afterEach(stopClis);
afterAll(removeFolders);

interface Expected {
  created: string[];
  next: string;
}

const SHAPES: [AppShape, Expected][] = [
  [
    { lock: 'package-lock.json' },
    {
      created: [
        '.gitignore',
        'app/api/sse/inspector/route.ts',
        'app/api/sse/route.ts',
        'components/event-stream.tsx',
        'components/notifications.tsx',
        'features/sse/index.ts',
        'instrumentation.ts',
        'next.config.ts',
      ],
      next: 'npm run dev',
    },
  ],
  [
    { base: 'src/', language: 'js', lock: 'pnpm-lock.yaml' },
    {
      created: [
        '.gitignore',
        'next.config.mjs',
        'src/app/api/sse/inspector/route.js',
        'src/app/api/sse/route.js',
        'src/components/event-stream.jsx',
        'src/components/notifications.jsx',
        'src/features/sse/index.js',
        'src/instrumentation.js',
      ],
      next: 'pnpm dev',
    },
  ],
  [
    { base: 'src/', next: '14.2.35', lock: 'yarn.lock' },
    {
      created: [
        '.gitignore',
        // Next.js 14 reads no config in TypeScript.
        'next.config.mjs',
        'src/app/api/sse/inspector/route.ts',
        'src/app/api/sse/route.ts',
        'src/components/event-stream.tsx',
        'src/components/notifications.tsx',
        'src/features/sse/index.ts',
        'src/instrumentation.ts',
      ],
      next: 'yarn dev',
    },
  ],
];

describe.each(SHAPES)('in an app like %j', (shape, { created, next }) => {
  test('init writes what is missing; a second run changes nothing', async () => {
    const app = new AppFolder(shape);
    const before = Object.keys(app.files());
    const first = await app.init();
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    const written = app.files();
    expect(Object.keys(written).filter((path) => !before.includes(path))).toEqual(created);
    expect(first.stdout).toContain(`  4. ${next}\n`);

    const second = await app.init();
    expect(second).toMatchObject({ exitCode: 0, stderr: '' });
    expect(second.stdout).toMatch(/Everything is in place: nothing was changed\.\n$/);
    expect(app.files()).toEqual(written);
  });

  test('--dry-run changes nothing, and its applied diff equals a run', async () => {
    const app = new AppFolder(shape);
    const before = app.files();
    const { exitCode, stdout } = await app.init('--dry-run');
    expect(exitCode).toBe(0);
    expect(app.files()).toEqual(before);

    execFileSync('git', ['apply', '-'], { cwd: app.path, input: stdout });
    const applied = app.files();
    const written = new AppFolder(shape);
    await written.init();
    expect(applied).toEqual(written.files());
  });
});

test('a missing package is the first of the next steps', async () => {
  const app = new AppFolder({ lock: 'pnpm-lock.yaml' });
  app.write({ 'package.json': JSON.stringify({ dependencies: { next: '16.4.6' } }) });
  expect((await app.init()).stdout).toContain('  1. pnpm add ssekit\n');
});

describe('the version of React', () => {
  const appWith = (react: string | undefined): AppFolder => {
    const dependencies = { next: '14.2.35', ssekit: '0.1.0', ...(react !== undefined && { react }) };
    return new AppFolder().write({ 'package.json': JSON.stringify({ dependencies }) });
  };
  const componentsOf = (app: AppFolder): string[] =>
    Object.keys(app.files()).filter((path) => path.startsWith('components/'));

  test('before 18 is too old for the hooks: init says so, and how to listen without them', async () => {
    const app = appWith('^17.0.2');
    const { exitCode, stdout } = await app.init();
    expect(exitCode).toBe(1);
    expect(componentsOf(app)).toEqual([]);
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      'components/notifications.tsx: ssekit/react needs React 18 or newer, and the app has 17.0.2.',
    );
    expect(stdout).toContain("    const events = createClient({ url: '/api/sse' });");
    expect(stdout).not.toContain('<Notifications />');
    // All else is done.
    expect(app.read('app/api/sse/route.ts')).toContain('createSSERoute');
  });

  test.each(['18.2.0', '^19.3.0', 'rc', 'canary'])('%s gets the hooks', async (react) => {
    const app = appWith(react);
    const { exitCode, stdout } = await app.init();
    expect(exitCode).toBe(0);
    expect(componentsOf(app)).toEqual(['components/event-stream.tsx', 'components/notifications.tsx']);
    expect(stdout).not.toContain('react-dom');
  });

  test('is asked for where there is no React', async () => {
    const app = appWith(undefined);
    const { exitCode, stdout } = await app.init();
    expect(exitCode).toBe(0);
    expect(componentsOf(app)).toEqual(['components/event-stream.tsx', 'components/notifications.tsx']);
    expect(stdout).toContain('  1. npm install react react-dom (ssekit/react needs React 18 or newer)\n');
  });
});

test('init works in another folder', async () => {
  const app = new AppFolder();
  const elsewhere = new AppFolder();
  const before = elsewhere.files();
  expect((await elsewhere.init(app.path)).exitCode).toBe(0);
  expect(app.files()).toHaveProperty(['features/sse/index.ts']);
  expect(elsewhere.files()).toEqual(before);
});

describe('existing files', () => {
  test('files that do their part stay, under any extension', async () => {
    const own = {
      'features/sse/index.js': "export { SSEService } from 'ssekit';\n",
      'app/api/sse/route.tsx': "import { createSSERoute } from 'ssekit/next';\n",
      'app/api/sse/inspector/route.js': "import { createInspectorRoute } from 'ssekit/next';\n",
      'components/event-stream.js': '// something else\n',
      'components/notifications.js': '// something else\n',
      'instrumentation.mjs': "import 'ssekit';\nexport function register() {}\n",
      'next.config.cjs': '',
      'next.config.js': "module.exports = require('ssekit/next').withSSE({});\n",
    };
    const app = new AppFolder().write(own);
    const before = app.files();
    expect((await app.init()).exitCode).toBe(0);
    expect(app.files()).toEqual(before);
  });

  test('a file in the way stays, and init shows what it should contain', async () => {
    const own = { 'app/api/sse/route.ts': 'export function GET() {}\n', 'features/sse/index.ts': '// mine\n' };
    const app = new AppFolder().write(own);
    const { exitCode, stdout } = await app.init();
    expect(exitCode).toBe(1);
    expect(app.files()).toMatchObject(own);
    expect(stdout).toContain("    export { type SSEEventMap, SSEService } from 'ssekit';\n");
    expect(stdout).toContain('    export const { GET } = createSSERoute({\n');
  });

  test('an unclear config is refused with lines to paste; the rest is done', async () => {
    const config = 'export default class Config {}\n';
    const app = new AppFolder().write({ 'next.config.mjs': config });
    for (const already of [false, true]) {
      const { exitCode, stdout } = await app.init();
      expect(exitCode).toBe(1);
      expect(app.read('next.config.mjs')).toBe(config);
      expect(stdout).toContain('next.config.mjs: it exports a class. Wrap what it exports:\n');
      expect(stdout).toContain(
        "    import { withSSE } from 'ssekit/next';\n\n    export default withSSE(nextConfig);\n",
      );
      expect(stdout.includes('Nothing was changed.')).toBe(already);
    }
  });
});

test.each([
  ['no package.json', { 'package.json': undefined }, 'There is no package.json in '],
  ['no Next.js', { 'package.json': '{}' }, 'is not a Next.js app'],
  ['an old one', { 'package.json': '{ "dependencies": { "next": "^12.3.0" } }' }, 'has Next.js 12.3.0'],
])('%s: init says so and does nothing', async (_, files, message) => {
  const app = new AppFolder();
  for (const [path, text] of Object.entries(files)) {
    if (text === undefined) execFileSync('rm', [path], { cwd: app.path });
    else app.write({ [path]: text });
  }
  const before = app.files();
  const { exitCode, stdout, stderr } = await app.init();
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toContain(message);
  expect(app.files()).toEqual(before);
});
