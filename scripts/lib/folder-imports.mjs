/** Holds the direction of imports between the folders of TypeScript and JavaScript. Biome does the same for their files. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { circlesBetweenParts } from './circles.mjs';
import { root } from './paths.mjs';
import { Failure } from './run.mjs';

const FOLDERS = ['ts', 'bench', 'scripts'];

export function checkFolderImports(folders = FOLDERS.map((folder) => join(root, folder))) {
  const circles = folders.flatMap((folder) =>
    circlesBetweenParts(importsOf(folder), '/').map((circle) => `${relative(root, folder)}: ${circle.join(' -> ')}`),
  );
  if (circles.length > 0) throw new Failure(`Circles of imports:\n${circles.join('\n')}`);
}

function importsOf(folder) {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => /\.(ts|mjs)$/.test(file) && !/(^|\/)node_modules\//.test(file));
  return new Map(files.map((file) => [file, new Set(targetsOf(folder, file))]));
}

/** The files of the folder that one of them imports, also for types and on demand. */
function targetsOf(folder, file) {
  const source = readFileSync(join(folder, file), 'utf8');
  return [...source.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']*)'/g)]
    .map(([, name]) => resolve(folder, dirname(file), name).replace(/\.js$/, '.ts'))
    .filter((target) => existsSync(target))
    .map((target) => relative(folder, target).replaceAll('\\', '/'))
    .filter((target) => !target.startsWith('../'));
}
