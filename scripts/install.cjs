'use strict';

/**
 * Where no binary loads, builds one from source if Rust is there. What is missing is said again, as an error, when ssekit is
 * first used.
 *
 * `ssekit build` adds `--required`: then it fails unless a binary loads in the end. Without that it never fails, so that it can
 * be the install script of a project.
 */
const { spawnSync } = require('node:child_process');
const { copyFileSync, existsSync, rmSync } = require('node:fs');
const { join } = require('node:path');

const home = join(__dirname, '..');

function loads() {
  // In a process of its own: an addon that crashes as it loads must not take npm with it.
  const probe = ['-e', `require(${JSON.stringify(join(home, 'binding.js'))})`];
  return spawnSync(process.execPath, probe, { stdio: 'ignore' }).status === 0;
}

/** The name that binding.js looks for, by the convention of napi-rs. */
function binaryName() {
  const { platform, arch } = process;
  const musl = platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime;
  const abi = { linux: musl ? '-musl' : '-gnu', win32: '-msvc' }[platform] ?? '';
  return `ssekit.${platform}-${arch}${abi}.node`;
}

function libraryName() {
  if (process.platform === 'win32') return 'ssekit.dll';
  return process.platform === 'darwin' ? 'libssekit.dylib' : 'libssekit.so';
}

function buildFromSource() {
  const target = join(home, 'target');
  console.log('ssekit: no prebuilt binary for this platform, building one from source with cargo');
  const cargo = spawnSync('cargo', ['build', '--release', '--locked', '--target-dir', target], {
    cwd: home,
    stdio: 'inherit',
  });
  if (cargo.status !== 0) return false;
  const binary = join(home, binaryName());
  // A new file, for the old one may be loaded somewhere, or be a hard link into the store of pnpm.
  rmSync(binary, { force: true });
  copyFileSync(join(target, 'release', libraryName()), binary);
  rmSync(target, { recursive: true, force: true });
  return true;
}

function hasCargo() {
  return spawnSync('cargo', ['--version'], { stdio: 'ignore' }).status === 0;
}

// `dist` is missing in a checkout that was not built yet: there `npm run build` does this.
if (existsSync(join(home, 'dist')) && !loads()) {
  const remedy = 'install Rust (https://rustup.rs) and run `npx ssekit build`';
  if (!hasCargo())
    console.warn(`ssekit: no prebuilt binary for ${process.platform} ${process.arch}, and no Rust: ${remedy}`);
  else if (!buildFromSource())
    console.warn('ssekit: the build from source failed; ssekit cannot be used until one succeeds');
}

if (process.argv.includes('--required') && !loads()) process.exitCode = 1;
