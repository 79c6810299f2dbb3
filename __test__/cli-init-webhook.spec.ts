/** `ssekit init` writes a test of a webhook's route, and the test passes as it is. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stopClis } from './support/cli';
import { AppFolder, removeFolders } from './support/cli-app';
import { TESTING_APP } from './support/testing-app';

const ROOT = join(__dirname, '..');
const ROUTE = 'app/api/webhooks/payment/route';
const WEBHOOK = { [`${ROUTE}.ts`]: TESTING_APP[`${ROUTE}.ts`] as string };

afterEach(stopClis);
afterAll(removeFolders);

test.each([
  ['jest', '@jest/globals'],
  ['vitest', 'vitest'],
])('an app with %s gets a test beside its route', async (runner, module) => {
  const app = new AppFolder({ dependencies: { [runner]: '^30.0.0' } }).write(WEBHOOK);
  const first = await app.init();
  expect(first).toMatchObject({ exitCode: 0, stderr: '' });
  expect(app.read(`${ROUTE}.test.ts`)).toContain(`import { test } from '${module}';`);
  expect(first.stdout.replaceAll(/\s+/g, ' ')).toContain(`Say in ${ROUTE}.test.ts what your webhook sends`);
  const written = app.files();
  const second = await app.init();
  expect(second.stdout).toMatch(/nothing was changed\.\n$/);
  expect(app.files()).toEqual(written);
});

test.each<[string, object, Record<string, string>]>([
  ['without a runner', {}, WEBHOOK],
  ['without a webhook', { jest: '^30.0.0' }, {}],
  ['whose webhook sends nothing', { jest: '^30.0.0' }, { [`${ROUTE}.ts`]: 'export async function POST() {}' }],
])('an app %s gets no test', async (_, dependencies, files) => {
  const app = new AppFolder({ dependencies: dependencies as Record<string, string> }).write(files);
  await app.init();
  expect(Object.keys(app.files()).filter((path) => path.includes('.test.'))).toEqual([]);
});

test("an app's own test is kept", async () => {
  const files = { ...WEBHOOK, [`${ROUTE}.test.ts`]: 'mine' };
  const app = new AppFolder({ dependencies: { jest: '^30.0.0' } }).write(files);
  await app.init();
  expect(app.read(`${ROUTE}.test.ts`)).toBe('mine');
});

test('the test passes as it is', async () => {
  const app = new AppFolder({ dependencies: { jest: '^30.0.0' } }).write(WEBHOOK);
  await app.init();
  mkdirSync(join(app.path, 'node_modules'));
  for (const [name, target] of Object.entries({
    ssekit: ROOT,
    '@swc': join(ROOT, 'node_modules', '@swc'),
    '@jest': join(ROOT, 'node_modules', '@jest'),
  })) {
    symlinkSync(target, join(app.path, 'node_modules', name), 'junction');
  }
  writeFileSync(
    join(app.path, 'jest.config.js'),
    `module.exports = {
      moduleNameMapper: { '^@/(.*)$': '<rootDir>/$1' },
      transform: { '\\\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } }] },
    };`,
  );
  const { JEST_WORKER_ID: _, ...env } = process.env;
  const args = [join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js'), '--ci', '--rootDir', app.path];
  // It throws, with the output, if a test fails.
  execFileSync(process.execPath, args, { cwd: app.path, encoding: 'utf8', stdio: 'pipe', env });
});
