/** `scripts/install.cjs` builds the addon for this machine, whatever cargo's other configs say, and never fails npm. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const SCRIPT = join(__dirname, '..', 'scripts', 'install.cjs');
const hasCargo = spawnSync('cargo', ['--version']).status === 0;

let outside: string;

beforeEach(() => {
  outside = mkdtempSync(join(tmpdir(), 'ssekit-install-'));
});
afterEach(() => rmSync(outside, { recursive: true, force: true }));

/** A package like ours, whose crate has next to nothing in it, so that real cargo builds it in a second. */
function packageWith(files: Record<string, string> = {}): string {
  const home = join(outside, 'app', 'node_modules', 'ssekit');
  const all = {
    'Cargo.toml': '[package]\nname = "ssekit"\nversion = "0.0.0"\nedition = "2021"\n\n[lib]\ncrate-type = ["cdylib"]\n',
    'Cargo.lock': 'version = 3\n\n[[package]]\nname = "ssekit"\nversion = "0.0.0"\n',
    'src/lib.rs': '#[no_mangle]\npub extern "C" fn nothing() {}\n',
    'binding.js': "throw new Error('no binary')\n",
    'dist/index.js': '',
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), text);
  }
  mkdirSync(join(home, 'scripts'));
  copyFileSync(SCRIPT, join(home, 'scripts', 'install.cjs'));
  return home;
}

function install(home: string, env: Record<string, string> = {}): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, [join(home, 'scripts', 'install.cjs')], {
    cwd: home,
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  return { status, stderr };
}

const binaries = (home: string): string[] => readdirSync(home).filter((name) => name.endsWith('.node'));

const CONFIG = `[build]
target = "wasm32-unknown-unknown"
target-dir = "elsewhere"
rustc-wrapper = "/nowhere/wrapper"
rustc-workspace-wrapper = "/nowhere/wrapper"
`;

(hasCargo ? test : test.skip).each([
  ['nothing', {}, undefined],
  ['CARGO_BUILD_TARGET', { CARGO_BUILD_TARGET: 'wasm32-unknown-unknown' }, undefined],
  ['CARGO_TARGET_DIR', { CARGO_TARGET_DIR: 'elsewhere' }, undefined],
  ['RUSTC_WRAPPER', { RUSTC_WRAPPER: '/nowhere/wrapper' }, undefined],
  ['a config further up', {}, CONFIG],
])(
  '%s does not keep it from building for this machine',
  (_, env, config) => {
    const home = packageWith();
    if (config) {
      mkdirSync(join(outside, '.cargo'));
      writeFileSync(join(outside, '.cargo', 'config.toml'), config);
    }
    const { status, stderr } = install(home, env as Record<string, string>);
    expect({ status, stderr: stderr.includes('failed') && stderr }).toEqual({ status: 0, stderr: false });
    expect(binaries(home)).toEqual([expect.stringMatching(/^ssekit\..*\.node$/)]);
    expect(existsSync(join(home, 'target'))).toBe(false);
    // It built a library for this machine.
    const loaded = spawnSync(process.execPath, [
      '-e',
      'process.dlopen({ exports: {} }, process.argv[1])',
      join(home, `${binaries(home)}`),
    ]);
    expect(`${loaded.stderr}`).toContain('did not self-register');
  },
  60_000,
);

(hasCargo ? test : test.skip).each([
  ['code that does not compile', { 'src/lib.rs': 'no Rust' }],
  [
    'a crate that gives another library',
    { 'Cargo.toml': '[package]\nname = "ssekit"\nversion = "0.0.0"\nedition = "2021"\n' },
  ],
])(
  '%s does not fail the installation',
  (_, files) => {
    const home = packageWith(files as unknown as Record<string, string>);
    const { status, stderr } = install(home);
    expect(status).toBe(0);
    expect(stderr).toContain('the build from source failed');
    expect(binaries(home)).toEqual([]);
  },
  60_000,
);
