/** npm, what it installs, and the tools among that. */
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from './paths.mjs';
import { Failure, run } from './run.mjs';
import { installOnce } from './stamps.mjs';

/** Installs exactly what `package-lock.json` names, unless `node_modules` already holds that. */
export async function ensureNodeModules(folder = root) {
  const lock = join(folder, 'package-lock.json');
  if (!existsSync(lock)) throw new Failure(`${lock} is missing: it belongs to the repository`);
  const stamp = join(folder, 'node_modules', '.ssekit-stamp');
  const inputs = [readFileSync(lock, 'utf8'), process.platform, process.arch];
  await installOnce(stamp, inputs, async () => {
    console.log(`Installing the npm packages of ${relative(root, folder) || 'ssekit'}`);
    await npm(['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder });
  });
}

/** Runs npm: the one that started this script, else the one on the path. */
export function npm(args, options) {
  const started = process.env.npm_execpath ?? '';
  if (started.endsWith('npm-cli.js')) return run(process.execPath, [started, ...args], options);
  return run('npm', args, { ...options, shell: process.platform === 'win32' });
}

/**
 * The file that a package's command starts with, for `process.execPath`. Unlike the links in `node_modules/.bin` it can be
 * started the same way on every system.
 */
export function bin(packageName, command = packageName, folder = root) {
  const home = join(folder, 'node_modules', packageName);
  const manifest = join(home, 'package.json');
  if (!existsSync(manifest)) throw new Failure(`${packageName} is not installed in ${folder}: run npm ci there`);
  const entries = JSON.parse(readFileSync(manifest, 'utf8')).bin;
  return join(home, typeof entries === 'string' ? entries : entries[command]);
}
