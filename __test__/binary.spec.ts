/** `ERR_SSEKIT_BINARY` begins with the true cause, whatever kept the addon from loading. */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const ROOT = join(__dirname, '..');
const BINARY = readdirSync(ROOT).find((name) => name.endsWith('.node')) as string;
const USE = `try { require('ssekit').SSEService.getInstance().getActiveClients(); console.log('{}'); }
catch ({ code, message }) { console.log(JSON.stringify({ code, message })); }`;

const folder = mkdtempSync(join(tmpdir(), 'ssekit-binary-'));
const home = join(folder, 'node_modules', 'ssekit');
const binary = join(home, BINARY);

beforeAll(() => {
  for (const part of ['package.json', 'index.js', 'binding.js', 'dist', 'scripts'])
    cpSync(join(ROOT, part), join(home, part), { recursive: true });
});
beforeEach(() => copyFileSync(join(ROOT, BINARY), binary));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a whole binary loads', () => {
  expect(use()).toEqual({});
});

test.each([
  ['on the command line', ['--no-addons'], {}],
  ['in NODE_OPTIONS', [], { NODE_OPTIONS: '--no-addons' }],
])('--no-addons %s is named', (_, options, env) => {
  expect(use(options, env)).toEqual(failure(/^Node\.js runs with `--no-addons`\. Remove the option/));
});

test('the permission model is named, with the option to add', () => {
  expect(use([...permission(), `--allow-fs-read=${'/'}`])).toEqual(
    failure(/^Node\.js runs with its permission model.* Add `--allow-addons`/),
  );
});

test('a read that the permission model forbids is named', () => {
  rmSync(join(folder, 'app.cjs'), { force: true });
  const app = join(folder, 'app.cjs');
  writeFileSync(app, USE);
  const allowed = [app, join(home, 'package.json'), join(home, 'index.js'), join(home, 'dist')];
  const options = [...permission(), ...allowed.map((path) => `--allow-fs-read=${path}`), '--allow-addons'];
  expect(run([...options, app])).toEqual(failure(/^Node\.js runs with its permission model.*--allow-fs-read/));
});

test.each([0, 0.000_001, 0.001, 0.1, 0.5, 0.99])(
  'a binary cut to %d of its size is named, and the process lives',
  (share) => {
    truncateSync(binary, Math.floor(statSync(binary).size * share));
    const lead = process.platform === 'linux' ? /^its binary, .*\.node, is truncated\./ : /^its binary exists/;
    expect(use()).toEqual(failure(lead));
  },
);

test('a truncated binary in a platform package is named too', () => {
  rmSync(binary);
  const name = BINARY.replace('.', '-').replace('.node', '');
  const platform = join(folder, 'node_modules', name);
  write(join(platform, 'package.json'), JSON.stringify({ name, version: '0.1.0', main: BINARY }));
  copyFileSync(join(ROOT, BINARY), join(platform, BINARY));
  expect(use()).toEqual({});
  truncateSync(join(platform, BINARY), 100_000);
  const lead = process.platform === 'linux' ? /^its binary, .*\.node, is truncated\./ : /^its binary exists/;
  expect(use()).toEqual(failure(lead));
  rmSync(platform, { recursive: true });
});

test("a file that is no binary is named with the system's message", () => {
  writeFileSync(binary, 'version https://git-lfs.github.com/spec/v1\n'.repeat(100));
  expect(use()).toEqual(failure(/^its binary exists but does not load: .*\.node.* or install Rust/));
});

test('a missing binary is named, with the command that builds one', () => {
  rmSync(binary);
  const lead = new RegExp(
    `^there is no binary for ${process.platform} ${process.arch} .*rustup\\.rs.*npx ssekit build`,
  );
  expect(use()).toEqual(failure(lead));
});

test('a bundle of an app without ssekit names the app and the bundle', () => {
  // A bundler replaces this name; for the code it is the same as being in webpack's bundle.
  const bundled = `globalThis.__webpack_require__ = () => {}; ${USE}`;
  const app = join(folder, 'apps', 'web');
  write(join(app, 'package.json'), '{}');
  const elsewhere = mkdtempSync(join(tmpdir(), 'ssekit-web-'));
  try {
    const lead =
      /^ssekit is inside a bundle here, and is not installed for the app in .*ssekit-web-.*withSSE.*monorepo/;
    const script = bundled.replace("require('ssekit')", `require(${JSON.stringify(home)})`);
    expect(run(['-e', script], {}, elsewhere)).toEqual(failure(lead));
    // If the app has ssekit, the addon comes from there.
    expect(run(['-e', bundled], {}, app)).toEqual({});
  } finally {
    rmSync(elsewhere, { recursive: true, force: true });
  }
});

test('`ssekit build` has nothing to do where the binary loads', () => {
  const { status, stdout } = cli();
  expect({ status, stdout }).toEqual({
    status: 0,
    stdout: `ssekit has its native part for ${process.platform} ${process.arch}\n`,
  });
});

test('`ssekit build` without Rust says what to install, and fails', () => {
  rmSync(binary);
  const { status, stdout, stderr } = cli();
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/no Rust: install Rust \(https:\/\/rustup\.rs\) and run `npx ssekit build`\n$/);
});

function cli() {
  const env = { ...process.env, PATH: folder };
  return spawnSync(process.execPath, [join(home, 'dist', 'cli', 'index.js'), 'build'], { encoding: 'utf8', env });
}

function failure(lead: RegExp) {
  const source = lead.source.replace(/^\^/, '^ssekit cannot load its native part: ');
  return { code: 'ERR_SSEKIT_BINARY', message: expect.stringMatching(new RegExp(source)) };
}

/** The option's name in this version of Node.js. */
function permission(): string[] {
  return [Number(process.versions.node.split('.')[0]) < 22 ? '--experimental-permission' : '--permission'];
}

function use(options: string[] = [], env = {}) {
  return run([...options, '-e', USE], env);
}

function run(args: string[], env = {}, cwd = folder) {
  const options = { cwd, env: { ...process.env, ...env }, encoding: 'utf8' } as const;
  const { status, signal, stdout } = spawnSync(process.execPath, args, options);
  expect({ status, signal }).toEqual({ status: 0, signal: null });
  return JSON.parse(stdout);
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
