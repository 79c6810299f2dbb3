/**
 * `npm run pack`: `packages/ssekit-<version>.tgz`, one tarball that installs anywhere, with this platform's binary inside. Beside
 * it, in `packages/release/`, the packages that would be published: ssekit itself, and one for the platform. Prints their sizes.
 *
 * `-- --built` packs what is built already, with every binary that lies in the checkout.
 */
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { bin, npm } from './lib/node-modules.mjs';
import { buildPackage, packedFiles } from './lib/package.mjs';
import { cache, root } from './lib/paths.mjs';
import { Failure, main, run } from './lib/run.mjs';

const staging = join(cache, 'pack');
const packages = join(root, 'packages');
const release = join(packages, 'release');

/** Every package has them, because they ask for that; so do the licences of the crates in a binary. */
const LICENSES = ['LICENSE-MIT', 'LICENSE-APACHE', 'THIRD-PARTY-LICENSES'];

await main(async () => {
  if (!process.argv.includes('--built')) await buildPackage();
  for (const folder of [staging, packages]) rmSync(folder, { recursive: true, force: true });
  for (const folder of [staging, release]) mkdirSync(folder, { recursive: true });
  const platforms = await stagePlatforms();
  await stageMain(platforms.map(({ manifest }) => manifest));
  const here = platforms.filter(({ hasBinary }) => hasBinary);
  if (here.length === 0) throw new Failure('No binary for a published platform: run npm run build');
  stageWhole(here.map(({ manifest }) => manifest.main));
  await pack(join(staging, 'whole'), packages);
  for (const folder of [join(staging, 'ssekit'), ...here.map((platform) => platform.folder)])
    await pack(folder, release);
});

/** A folder for each platform's package, with the binary where it is here. */
async function stagePlatforms() {
  const cli = bin('@napi-rs/cli', 'napi');
  await run(process.execPath, [cli, 'create-npm-dirs', '--npm-dir', join('.cache', 'pack', 'npm')], {
    stdout: 'capture',
  });
  return readdirSync(join(staging, 'npm')).map((name) => {
    const folder = join(staging, 'npm', name);
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const hasBinary = readdirSync(root).includes(manifest.main);
    if (hasBinary) copyFileSync(join(root, manifest.main), join(folder, manifest.main));
    for (const license of LICENSES) copyFileSync(join(root, license), join(folder, license));
    manifest.files.push(...LICENSES);
    writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    return { folder, manifest, hasBinary };
  });
}

/**
 * The part of ssekit that a user needs: no binary, no development. No install script either: package managers hold those back, pnpm
 * with an error, even where there is a binary. Where there is none, `ssekit build` builds one.
 */
async function stageMain(platforms) {
  const target = join(staging, 'ssekit');
  for (const file of await packedFiles()) {
    mkdirSync(dirname(join(target, file)), { recursive: true });
    if (file.endsWith('Cargo.toml'))
      writeFileSync(join(target, file), withoutTests(readFileSync(join(root, file), 'utf8')));
    else copyFileSync(join(root, file), join(target, file));
  }
  const { devDependencies, overrides, scripts, ...manifest } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  manifest.optionalDependencies = Object.fromEntries(platforms.map(({ name, version }) => [name, version]));
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** ssekit itself with the binaries inside, so that nothing has to come from a registry. */
function stageWhole(binaries) {
  const target = join(staging, 'whole');
  cpSync(join(staging, 'ssekit'), target, { recursive: true });
  for (const binary of binaries) copyFileSync(join(root, binary), join(target, binary));
  const { optionalDependencies, ...manifest } = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8'));
  manifest.files.push(...binaries.map((binary) => `/${binary}`));
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** A Cargo.toml that says nothing of tests and benches, which are not packed: cargo builds nothing while it misses one. */
function withoutTests(manifest) {
  return manifest.replaceAll(/(^#.*\n)*^\[\[(test|bench|example)\]\]\n(^[^[\n].*\n)*\n?/gm, '');
}

async function pack(folder, destination) {
  const args = ['pack', folder, '--pack-destination', destination, '--json', '--loglevel=error'];
  const [{ filename, size, unpackedSize, entryCount }] = JSON.parse(await npm(args, { stdout: 'capture' }));
  const path = relative(root, join(destination, filename));
  if (statSync(join(root, path)).size !== size) throw new Failure(`${path} is not what npm says it is`);
  console.log(`${path}: ${kilobytes(size)} packed, ${kilobytes(unpackedSize)} unpacked, ${entryCount} files`);
}

function kilobytes(bytes) {
  return `${Math.round(bytes / 1024)} KiB`;
}
