/** The example app, and others like it, with the package of this checkout as it is now. */
import { copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { bin, ensureNodeModules } from './node-modules.mjs';
import { packedFiles } from './package.mjs';
import { example, root } from './paths.mjs';
import { run } from './run.mjs';

/** Variables of everything that is run in the example app. */
export const EXAMPLE_ENV = { NEXT_TELEMETRY_DISABLED: '1' };

export const ensureExample = () => ensureApp(example);

/**
 * Installs what an app needs. Its dependency on `file:../..` is a copy, so that it is resolved as in a user's project; npm
 * does not notice when the original changes, so the copy is brought up to date here. The package must be built.
 */
export async function ensureApp(app) {
  await ensureNodeModules(app);
  const copy = join(app, 'node_modules', 'ssekit');
  // A link, as `npm link` makes it, would lead what follows to the originals.
  if (lstatSync(copy, { throwIfNoEntry: false })?.isSymbolicLink()) rmSync(copy);
  mkdirSync(copy, { recursive: true });
  // With its binary, which comes in its own package when it is published.
  const files = [...(await packedFiles()), ...readdirSync(root).filter((file) => file.endsWith('.node'))];
  for (const file of files) bringUpToDate(join(root, file), join(copy, file));
  for (const file of filesIn(copy)) {
    if (!files.includes(relative(copy, file).replaceAll('\\', '/'))) rmSync(file);
  }
}

/** The start of Next.js' own command in the example app. */
export function next(...args) {
  return nextIn(example, ...args);
}

/** The same in another app. */
export function nextIn(app, ...args) {
  return [bin('next', 'next', app), ...args];
}

export async function buildExample() {
  await run(process.execPath, next('build'), { cwd: example, env: EXAMPLE_ENV });
}

function bringUpToDate(original, copy) {
  if (existsSync(copy) && readFileSync(original).equals(readFileSync(copy))) return;
  mkdirSync(dirname(copy), { recursive: true });
  // A new file takes the old one's place: overwriting an addon crashes the processes that have it loaded.
  copyFileSync(original, `${copy}.new`);
  renameSync(`${copy}.new`, copy);
}

function filesIn(folder) {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}
