/** The one tarball of `npm run pack`, installed for real by the package managers that people have, from nothing and by a lock file. */
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(__dirname, '..');
/** Beside the fixed ones of npm, which comes with Node.js: what people have today, and the yarn that is never going to change. */
const MANAGERS = { pnpm: '12.21.0', yarn: '1.22.22', '@yarnpkg/cli-dist': '4.18.1', bun: '1.4.5' };

const folder = mkdtempSync(join(tmpdir(), 'ssekit-installing-'));
const tools = join(folder, 'tools');
let tarball: string;

beforeAll(async () => {
  const packed = spawnSync(process.execPath, [join(ROOT, 'scripts', 'pack.mjs'), '--built'], { encoding: 'utf8' });
  expect(packed).toMatchObject({ status: 0 });
  tarball = readdirSync(join(ROOT, 'packages')).find((name) => name.endsWith('.tgz')) as string;
  mkdirSync(tools);
  const wanted = Object.entries(MANAGERS).map(([name, version]) => `${name}@${version}`);
  await succeed(tools, 'npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', tools, ...wanted]);
}, 240_000);

afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

const pnpm = [process.execPath, join(tools, 'node_modules', 'pnpm', 'bin', 'pnpm.mjs')];
const yarn = [process.execPath, join(tools, 'node_modules', 'yarn', 'bin', 'yarn.js')];
const berry = [process.execPath, join(tools, 'node_modules', '@yarnpkg', 'cli-dist', 'bin', 'yarn.js')];
const own = (name: string) => join(folder, `store-${name}`);

test.concurrent.each([
  { name: 'npm', add: ['npm', 'install', '--no-audit', '--no-fund'], again: ['npm', 'ci', '--no-audit', '--no-fund'] },
  {
    name: 'pnpm',
    add: [...pnpm, 'add', '--store-dir', own('pnpm')],
    again: [...pnpm, 'install', '--frozen-lockfile', '--store-dir', own('pnpm')],
  },
  {
    name: 'yarn',
    add: [...yarn, 'add', '--non-interactive', '--cache-folder', own('yarn')],
    again: [...yarn, 'install', '--frozen-lockfile', '--non-interactive', '--cache-folder', own('yarn')],
  },
  // Without a node_modules: yarn's own loader, which its `node` brings along, finds the packages.
  { name: 'yarn 4', add: [...berry, 'add'], again: [...berry, 'install', '--immutable'], node: [...berry, 'node'] },
  { name: 'bun', add: ['bun', 'add'], again: ['bun', 'install', '--frozen-lockfile'] },
])(
  '$name installs it without a script or a registry',
  async ({ name, add, again, node = [process.execPath] }) => {
    const app = join(folder, `app-${name}`);
    mkdirSync(join(app, 'vendor'), { recursive: true });
    copyFileSync(join(ROOT, 'packages', tarball), join(app, 'vendor', tarball));
    writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', version: '1.0.0', private: true }));

    // It is the root of a project, and yarn 4 looks for one further up otherwise.
    if (name === 'yarn 4') writeFileSync(join(app, 'yarn.lock'), '');
    await succeed(app, add[0] as string, [...add.slice(1), `./vendor/${tarball}`]);
    expect(await clients(app, node)).toBe('[]');
    for (const installed of ['node_modules', '.yarn', '.pnp.cjs'])
      rmSync(join(app, installed), { recursive: true, force: true });
    await succeed(app, again[0] as string, again.slice(1));
    expect(await clients(app, node)).toBe('[]');
    const { dependencies } = JSON.parse(readFileSync(join(app, 'package.json'), 'utf8'));
    expect(Object.keys(dependencies)).toEqual(['ssekit']);
  },
  120_000,
);

function clients(app: string, node: string[]): Promise<string> {
  const use = "console.log(JSON.stringify(require('ssekit').SSEService.getInstance().getActiveClients()))";
  return succeed(app, node[0] as string, [...node.slice(1), '-e', use]);
}

const NOWHERE = 'http://127.0.0.1:9/';

/** Runs a command with no registry but for those that make the tools, and resolves with what it printed. */
function succeed(cwd: string, file: string, args: string[]): Promise<string> {
  // npm looks for the optional peers, and would try each again for more than a minute.
  const nowhere = { npm_config_registry: NOWHERE, npm_config_fetch_retries: '0', YARN_NPM_REGISTRY_SERVER: NOWHERE };
  const registry = cwd === tools ? {} : nowhere;
  const stores = {
    YARN_ENABLE_GLOBAL_CACHE: 'false',
    YARN_ENABLE_TELEMETRY: 'false',
    BUN_INSTALL_CACHE_DIR: own('bun'),
  };
  const env = { ...process.env, ...registry, ...stores } as NodeJS.ProcessEnv;
  const windows = process.platform === 'win32';
  const child = spawn(file === 'bun' ? bun() : file, args, {
    cwd,
    env,
    shell: windows,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, all] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
    all += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    all += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(output.trim());
      else reject(new Error(`${[file, ...args].join(' ')} ended with ${code}:\n${all}`));
    });
  });
}

/** Each platform's binary is in its own package, which has a script that no test should run. */
function bun(): string {
  const packages = join(tools, 'node_modules', '@oven');
  const folder = readdirSync(packages)[0] as string;
  return join(packages, folder, 'bin', process.platform === 'win32' ? 'bun.exe' : 'bun');
}
