'use strict';

/**
 * Where no binary loads, builds one from source if Rust is there. The first use of ssekit reports a missing
 * binary again, as an error.
 *
 * `ssekit build` adds `--required`: then it fails unless a binary loads in the end. Without that it never fails, so that it can
 * be the install script of a project.
 */
const { spawnSync } = require('node:child_process');
const { copyFileSync, existsSync, rmSync } = require('node:fs');
const { basename, join } = require('node:path');

const home = join(__dirname, '..');

function loads() {
  // In its own process: an addon that crashes as it loads must not take npm with it.
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

/** A wrapper that a config further up names may be missing here; empty, these win over it. */
const WITHOUT_WRAPPERS = { RUSTC_WRAPPER: '', RUSTC_WORKSPACE_WRAPPER: '' };

/** Rust's name of this machine. On the command line, it wins over CARGO_BUILD_TARGET and over every config. */
function hostTriple() {
  const { stdout } = spawnSync('rustc', ['-vV'], { cwd: home, encoding: 'utf8' });
  return /^host: (\S+)/m.exec(stdout ?? '')?.[1];
}

/** Where cargo says that it has put the library: the folder depends on its target and on its configs. */
function libraryIn(messages) {
  const name = libraryName();
  for (const line of messages.split('\n')) {
    if (!line.includes(name)) continue;
    const file = JSON.parse(line).filenames?.find((path) => basename(path) === name);
    if (file) return file;
  }
  return undefined;
}

function libraryName() {
  if (process.platform === 'win32') return 'ssekit.dll';
  return process.platform === 'darwin' ? 'libssekit.dylib' : 'libssekit.so';
}

function buildFromSource() {
  const target = join(home, 'target');
  console.log('ssekit: no prebuilt binary for this platform, building one from source with cargo');
  const host = hostTriple();
  const options = ['--release', '--locked', '--target-dir', target, ...(host ? ['--target', host] : [])];
  const cargo = spawnSync('cargo', ['build', ...options, '--message-format', 'json-render-diagnostics'], {
    cwd: home,
    env: { ...process.env, ...WITHOUT_WRAPPERS },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: Number.POSITIVE_INFINITY,
  });
  const library = cargo.status === 0 && libraryIn(cargo.stdout);
  if (library) {
    const binary = join(home, binaryName());
    // A new file, because the old one may be loaded somewhere, or be a hard link into the store of pnpm.
    rmSync(binary, { force: true });
    copyFileSync(library, binary);
  }
  rmSync(target, { recursive: true, force: true });
  return Boolean(library);
}

/** A full disk, or a folder that may not be written to, fails the build and not the installation. */
function triesToBuild() {
  try {
    return buildFromSource();
  } catch (error) {
    console.warn(`ssekit: ${error.message}`);
    return false;
  }
}

function hasCargo() {
  return spawnSync('cargo', ['--version'], { stdio: 'ignore' }).status === 0;
}

// `dist` is missing in a checkout that was not built yet: there `npm run build` does this.
if (existsSync(join(home, 'dist')) && !loads()) {
  const remedy = 'install Rust (https://rustup.rs) and run `npx ssekit build`';
  if (!hasCargo())
    console.warn(`ssekit: no prebuilt binary for ${process.platform} ${process.arch}, and no Rust: ${remedy}`);
  else if (!triesToBuild())
    console.warn('ssekit: the build from source failed; ssekit does not work until one succeeds');
}

if (process.argv.includes('--required') && !loads()) process.exitCode = 1;
