/**
 * The test kit in an app as people have it: next/jest, vitest, node:test and bun, in node, jsdom and happy-dom. The package is there without
 * the binary of this platform.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { TESTING_APP } from './support/testing-app';

const ROOT = join(__dirname, '..');

const VERSIONS = {
  next: '16.4.6',
  react: '19.3.1',
  'react-dom': '19.3.1',
  jest: '30.5.2',
  'jest-environment-jsdom': '30.5.2',
  vitest: '4.1.12',
  jsdom: '26.1.0',
  'happy-dom': '21.0.4',
  bun: '1.4.5',
  typescript: '5.9.3',
  '@types/jest': '30.0.0',
  '@types/node': '20.19.43',
  '@types/react': '19.3.0',
  '@types/react-dom': '19.3.0',
};

const app = mkdtempSync(join(tmpdir(), 'ssekit-testing-'));

beforeAll(async () => {
  const packed = spawnSync(process.execPath, [join(ROOT, 'scripts', 'pack.mjs'), '--built'], { encoding: 'utf8' });
  expect(packed).toMatchObject({ status: 0 });
  for (const [name, text] of Object.entries(TESTING_APP)) write(name, text);
  write('package.json', JSON.stringify({ name: 'app', version: '1.0.0', private: true, devDependencies: VERSIONS }));
  await succeed('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund']);
  // The package of all platforms alone: to install it would bring that of this platform as well.
  await unpack('ssekit');
}, 240_000);

afterAll(() => rmSync(app, { recursive: true, force: true, maxRetries: 5 }));

/** Unpacks a package of the release into the app. */
async function unpack(name: string): Promise<void> {
  const home = join(app, 'node_modules', name);
  mkdirSync(home);
  const { version } = require('../package.json');
  const tarball = join(ROOT, 'packages', 'release', `${name}-${version}.tgz`);
  await succeed('tar', ['-xzf', tarball, '-C', home, '--strip-components=1']);
}

/** The one package of a platform in the release is that of this one. */
function platformName(): string {
  const [name = ''] = readdirSync(join(ROOT, 'packages', 'release')).flatMap(
    (file) => /^ssekit-([a-z].*)-\d/.exec(file)?.[1] ?? [],
  );
  return name;
}

function write(name: string, text: string): void {
  mkdirSync(dirname(join(app, name)), { recursive: true });
  writeFileSync(join(app, name), text);
}

const read = (name: string): string => readFileSync(join(app, name), 'utf8');

const script = (...path: string[]): string => join(app, 'node_modules', ...path);

/** Runs a command in the app, and resolves with what it printed. */
function succeed(file: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { JEST_WORKER_ID: _, NODE_ENV: __, ...outside } = process.env;
  const child = spawn(file, args, {
    cwd: app,
    env: { ...outside, NEXT_TELEMETRY_DISABLED: '1', NO_COLOR: '1', ...env },
    shell: process.platform === 'win32' && file === 'npm',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      output += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${file} ended with ${code}:\n${output}`)),
    );
  });
}

const node = (...args: string[]): Promise<string> => succeed(process.execPath, args);

test('the binary of this platform is not there', async () => {
  await expect(node('-e', "require('ssekit').SSEService.getInstance().cursor()")).rejects.toThrow('ERR_SSEKIT_BINARY');
});

test('next/jest tests the guide in node and jsdom, and leaves nothing open', async () => {
  const output = await node(script('jest', 'bin', 'jest.js'), '--ci', '--detectOpenHandles');
  expect(output).toContain('Tests:       6 passed, 6 total');
  expect(output).not.toContain('open handle');
}, 120_000);

test('jest tests the guide with a fake for the whole run', async () => {
  const run = [script('jest', 'bin', 'jest.js'), '--ci', 'tests/node'];
  expect(await succeed(process.execPath, run, { SSEKIT_FAKE: '1' })).toContain('2 passed');
}, 120_000);

test.each(['threads', 'forks', 'vmThreads', 'vmForks'])(
  'vitest does in its %s, in node, jsdom and happy-dom',
  async (pool) => {
    const output = await node(script('vitest', 'vitest.mjs'), 'run', `--pool=${pool}`);
    expect(output).toContain('Tests  9 passed (9)');
    expect(output).not.toContain('error');
  },
  120_000,
);

describe('the documentation', () => {
  const page = readFileSync(join(ROOT, 'docs', 'testing.md'), 'utf8');
  // A directive of jest comes first.
  const tests = [...page.matchAll(/^```(?:ts|tsx|js)\n(\/\*\* @.*?\*\/\n)?\/\/ tests\/(\S+)\n(.*?)^```$/gms)];
  for (const [, directive = '', name = '', code = ''] of tests) write(`documented/${name}`, directive + code);
  // The first test is of the README's route; the app has the guide's at this path.
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const [, route = ''] = /^```ts\n\/\/ app\/api\/webhooks\/payment\/route\.ts\n(.*?)^```$/ms.exec(readme) ?? [];
  write('documented/readme-route.ts', route);
  write(
    'documented/webhook.test.ts',
    read('documented/webhook.test.ts').replace('@/app/api/webhooks/payment/route', './readme-route'),
  );

  test('has tests for jest that pass', async () => {
    const run = [script('jest', 'bin', 'jest.js'), '--ci'];
    const output = await succeed(process.execPath, run, { TESTS: '**/documented/!(real).test.ts?(x)' });
    expect(output).toContain('Test Suites: 6 passed, 6 total');
  }, 120_000);

  test('has a test for node:test that passes', async () => {
    await node('--test', 'documented/webhook.test.mjs');
  });
});

test('node:test does, with a fake from its beginning', async () => {
  await node('--import', 'ssekit/testing/setup', '--test', 'node/webhook.test.mjs', 'node/setup.test.mjs');
});

test('bun does', async () => {
  const bun = script('@oven', `bun-${process.platform}-${process.arch}`, 'bin', 'bun');
  expect(await succeed(bun, ['test', './bun/bun.test.ts'])).toContain('2 pass');
});

test.each(['tsconfig.json', 'tsconfig.vitest.json'])('the matchers have types by %s', async (config) => {
  await node(script('typescript', 'bin', 'tsc'), '-p', config);
});

describe('with the real addon', () => {
  // The last ones: from now on, the binary is there.
  beforeAll(() => unpack(`ssekit-${platformName()}`));

  test('the documented test of it passes', async () => {
    const run = [script('jest', 'bin', 'jest.js'), '--ci', '--detectOpenHandles'];
    const output = await succeed(process.execPath, run, { TESTS: '**/documented/real.test.ts' });
    expect(output).toContain('Tests:       1 passed, 1 total');
    expect(output).not.toContain('open handle');
  }, 120_000);

  test('jest runs file after file in one process, in node and jsdom, and leaves nothing open', async () => {
    const run = [script('jest', 'bin', 'jest.js'), '--ci', '--runInBand', '--detectOpenHandles'];
    const output = await succeed(process.execPath, run, { TESTS: '**/tests/*.jest-real.test.ts' });
    expect(output).toContain('Tests:       12 passed, 12 total');
    expect(output).not.toMatch(/open handle|another file/);
  }, 120_000);

  test.each(['threads', 'forks', 'vmThreads', 'vmForks'])(
    'vitest does in its %s',
    async (pool) => {
      const run = [script('vitest', 'vitest.mjs'), 'run', `--pool=${pool}`];
      const output = await succeed(process.execPath, run, { TESTS: 'tests/*.vitest-real.test.ts' });
      expect(output).toContain('Tests  8 passed (8)');
      expect(output).not.toContain('another file');
    },
    120_000,
  );
});
