/**
 * Holds the direction of imports in the Rust crates: no file imports, through others, itself. Biome does the same for
 * TypeScript, and cargo for whole crates.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from './paths.mjs';
import { Failure } from './run.mjs';

/** Folders of sources, each with its crate's root file. */
const SOURCES = [
  'src',
  'bench/load/src',
  'crates/ssekit-core/src',
  'crates/ssekit-file/src',
  'crates/ssekit-http/src',
  'crates/ssekit-redis/src',
];

export function checkRustImports() {
  const circles = SOURCES.flatMap((folder) =>
    circlesOf(importsOf(join(root, folder))).map((circle) => `${folder}: ${circle.join(' -> ')}`),
  );
  if (circles.length > 0) throw new Failure(`Circles of imports:\n${circles.join('\n')}`);
}

/** The modules that each module of a crate names, by their paths without the crate's. */
function importsOf(folder) {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.rs'));
  const modules = new Map(files.map((file) => [moduleOf(file), join(folder, file)]));
  const imports = new Map();
  for (const [module, file] of modules) {
    // Unit tests and doc comments may name whatever they want.
    const source = readFileSync(file, 'utf8')
      .replace(/^#\[cfg\(test\)\]\nmod \w+ \{[\s\S]*/m, '')
      .replaceAll(/\/\/.*/g, '');
    const named = [...source.matchAll(/\bcrate::([\w:]+)(?:::\{([^}]*)\})?/g)].flatMap(([, path, group]) =>
      group === undefined ? [path] : group.split(',').map((name) => `${path}::${name.trim()}`),
    );
    const targets = named.map((path) => longestModule(path, modules)).filter((target) => target && target !== module);
    if (!module.split('::').includes('tests')) imports.set(module, new Set(targets));
  }
  return imports;
}

function moduleOf(file) {
  const parts = relative('.', file).replace(/\.rs$/, '').split(/[\\/]/);
  if (['lib', 'main', 'mod'].includes(parts.at(-1))) parts.pop();
  return parts.join('::');
}

/** The module that a path leads to: what follows it is an item of that module. */
function longestModule(path, modules) {
  const parts = path.split('::');
  while (parts.length > 0 && !modules.has(parts.join('::'))) parts.pop();
  return parts.join('::');
}

/** One circle per group of modules that reach each other. */
function circlesOf(imports) {
  const circles = [];
  const done = new Set();
  const visit = (module, path) => {
    const start = path.indexOf(module);
    if (start >= 0) circles.push([...path.slice(start), module]);
    if (start >= 0 || done.has(module)) return;
    for (const next of imports.get(module) ?? []) visit(next, [...path, module]);
    done.add(module);
  };
  for (const module of imports.keys()) visit(module, []);
  return circles;
}
