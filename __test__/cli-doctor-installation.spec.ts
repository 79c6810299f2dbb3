/** `ssekit doctor` in the folder of an app: it examines the installation. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runCli, stopClis } from './support/cli';

const ROOT = join(__dirname, '..');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ssekit-cli-installation-'));
});
afterEach(async () => {
  await stopClis();
  rmSync(folder, { recursive: true });
});

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

/** A package whose face is there, and whose native part answers, or throws what is given. */
function install(path: string, version: string, failure?: string): void {
  write(`${path}/package.json`, JSON.stringify({ name: 'ssekit', version, main: 'index.js' }));
  const body = failure ? `throw new Error(${JSON.stringify(failure)})` : 'return []';
  const service = `{ getInstance: () => ({ getActiveClients() { ${body} } }) }`;
  write(`${path}/index.js`, `exports.SSEService = ${service};`);
}

/** An app in which everything is as it has to be. */
function writeApp(): void {
  write('package.json', JSON.stringify({ dependencies: { next: '16.4.6', ssekit: '0.1.0' } }));
  write('node_modules/next/package.json', JSON.stringify({ name: 'next', version: '16.4.6' }));
  write('app/layout.tsx', '');
  write('next.config.ts', "import { withSSE } from 'ssekit/next';\nexport default withSSE({});\n");
  write('instrumentation.ts', "export async function register() { await import('@/features/sse'); }\n");
  install('node_modules/ssekit', '0.1.0');
}

async function findings(): Promise<{ level: string; id: string; seen: string; remedy: string }[]> {
  const { stdout, stderr, exitCode } = await runCli(['doctor', '--json'], { cwd: folder });
  if (stdout === '') throw new Error(stderr);
  const report = JSON.parse(stdout);
  expect(exitCode).toBe(report.ok ? 0 : 1);
  return report.findings;
}

const ids = async (): Promise<string[]> => (await findings()).map(({ level, id }) => `${level} ${id}`);

test('a correct app has no finding', async () => {
  writeApp();
  expect(await ids()).toEqual([]);
  const { stdout } = await runCli(['doctor'], { cwd: folder });
  expect(stdout).toContain(`ssekit 0.1.0, Next.js 16.4.6, Node.js ${process.versions.node}`);
  expect(stdout).toMatch(/No findings\.\n$/);
});

test('the real package with its real addon has no finding', async () => {
  writeApp();
  rmSync(join(folder, 'node_modules', 'ssekit'), { recursive: true });
  symlinkSync(ROOT, join(folder, 'node_modules', 'ssekit'));
  expect(await ids()).toEqual([]);
});

test('a missing package is found, with the install command of the app’s package manager', async () => {
  writeApp();
  rmSync(join(folder, 'node_modules', 'ssekit'), { recursive: true });
  write('pnpm-lock.yaml', '');
  expect(await findings()).toMatchObject([{ id: 'not-installed', remedy: 'pnpm add ssekit' }]);
});

test('an addon that does not load is found, with the reason', async () => {
  writeApp();
  install('node_modules/ssekit', '0.1.0', 'ssekit has no native binary for this platform');
  const [finding] = await findings();
  expect(finding).toMatchObject({ level: 'problem', id: 'addon' });
  expect(finding?.seen).toContain(`${process.platform} ${process.arch}: ssekit has no native binary for this platform`);
});

test('two versions are a problem, two copies of one version a warning, a link neither', async () => {
  writeApp();
  write('node_modules/chat/package.json', JSON.stringify({ name: 'chat' }));
  install('node_modules/chat/node_modules/ssekit', '0.1.0');
  symlinkSync(join(folder, 'node_modules', 'ssekit'), join(folder, 'node_modules', 'linked'));
  expect(await ids()).toEqual(['warning copies']);
  install('node_modules/chat/node_modules/ssekit', '0.0.9');
  const [finding] = await findings();
  expect(finding).toMatchObject({ level: 'problem', id: 'copies' });
  expect(finding?.seen).toMatch(/2 copies.*0\.1\.0 in .*0\.0\.9 in /);
});

test('copies in the store of pnpm are found, and its links do not count', async () => {
  writeApp();
  rmSync(join(folder, 'node_modules', 'ssekit'), { recursive: true });
  install('node_modules/.pnpm/ssekit@0.1.0/node_modules/ssekit', '0.1.0');
  symlinkSync(join('.pnpm', 'ssekit@0.1.0', 'node_modules', 'ssekit'), join(folder, 'node_modules', 'ssekit'));
  expect(await ids()).toEqual([]);
  install('node_modules/.pnpm/ssekit@0.2.0/node_modules/ssekit', '0.2.0');
  expect(await ids()).toEqual(['problem copies']);
});

test.each([
  ['a config without withSSE', 'next.config.ts', 'export default {};\n', 'warning config'],
  [
    'an instrumentation that loads something else',
    'instrumentation.ts',
    'export function register() {}\n',
    'warning instrumentation',
  ],
])('%s is found', async (_, path, text, id) => {
  writeApp();
  write(path, text);
  expect(await ids()).toEqual([id]);
  rmSync(join(folder, path));
  expect(await ids()).toEqual([id]);
});

test('a config that lists ssekit as external needs no withSSE', async () => {
  writeApp();
  write('next.config.ts', "export default { serverExternalPackages: ['sharp', 'ssekit'] };\n");
  expect(await ids()).toEqual([]);
});

test('an app without Next.js needs no next.config', async () => {
  writeApp();
  for (const path of ['next.config.ts', 'instrumentation.ts']) rmSync(join(folder, path));
  write('package.json', JSON.stringify({ dependencies: { ssekit: '0.1.0', express: '5' } }));
  expect(await ids()).toEqual([]);
});
