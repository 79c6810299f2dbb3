/**
 * Holds the direction of imports in the Rust crates. Cargo does the same for whole crates.
 *
 * Parts of one folder must not import each other in a circle. The file at the crate's root counts as such a part. Any other module and its
 * own parts may name each other, because together they are one concept.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { circlesBetweenParts } from './circles.mjs';
import { root } from './paths.mjs';
import { Failure } from './run.mjs';

/** Folders of sources, each with its crate's root file. */
const SOURCES = [
  'src',
  'bench/load/src',
  'crates/ssekit-core/src',
  'crates/ssekit-file/src',
  'crates/ssekit-http/src',
  'crates/ssekit-inspector/src',
  'crates/ssekit-redis/src',
  'crates/ssekit-testing/src',
];

export function checkRustImports(sources = SOURCES.map((folder) => join(root, folder))) {
  const circles = sources.flatMap((folder) =>
    circlesBetweenParts(importsOf(folder), '::').map((circle) => `${relative(root, folder)}: ${circle.join(' -> ')}`),
  );
  if (circles.length > 0) throw new Failure(`Circles of imports:\n${circles.join('\n')}`);
}

/** The file at the crate's root. No other module can have this name. */
const ROOT = 'crate';

/** The modules that each module of a crate names: where the named items are defined, not where they are re-exported. */
function importsOf(folder) {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.rs'));
  const modules = new Map(files.map((file) => [moduleOf(file), parsed(readFileSync(join(folder, file), 'utf8'))]));
  const imports = new Map();
  for (const module of modules.keys()) {
    if (module.split('::').includes('tests')) continue;
    const targets = pathsIn(module, modules).map((path) => definitionOf(path, modules));
    imports.set(module, new Set(targets.filter((target) => target !== undefined && target !== module)));
  }
  return imports;
}

function moduleOf(file) {
  const parts = file.replace(/\.rs$/, '').split(/[\\/]/);
  if (['lib', 'main', 'mod'].includes(parts.at(-1))) parts.pop();
  return parts.join('::') || ROOT;
}

/** `{ uses, code }`: the module's imports, as `{ path, name, isPublic }`, and everything else. */
function parsed(source) {
  // Unit tests and doc comments may name whatever they want.
  const code = source.replace(/^#\[cfg\(test\)\]\nmod \w+ \{[\s\S]*/m, '').replaceAll(/\/\/.*/g, '');
  const uses = [];
  const rest = code.replaceAll(/\b(pub(?:\s*\([^)]*\))?\s+)?use\s+([^;]+);/g, (_, visibility, tree) => {
    uses.push(
      ...leavesOf(tree.replaceAll(/\s+/g, ' ')).map((leaf) => ({ ...leaf, isPublic: visibility !== undefined })),
    );
    return '';
  });
  return { uses, code: rest };
}

/** The paths of a tree such as `a::{self, b::{c, d as e}}`, each with the name that it gets. */
function leavesOf(tree, prefix = []) {
  const open = tree.indexOf('{');
  if (open < 0) {
    const [path, alias] = tree.split(' as ').map((part) => part.trim());
    const parts = [...prefix, ...path.split('::')].filter((part, index) => part && !(part === 'self' && index > 0));
    return parts.length > 0 ? [{ path: parts, name: alias ?? parts.at(-1) }] : [];
  }
  const inner = [...prefix, ...tree.slice(0, open).trim().split('::').filter(Boolean)];
  return split(tree.slice(open + 1, tree.lastIndexOf('}'))).flatMap((branch) => leavesOf(branch, inner));
}

/** Splits at the commas that are not within braces. */
function split(list) {
  const parts = [''];
  let depth = 0;
  for (const character of list) {
    depth += character === '{' ? 1 : character === '}' ? -1 : 0;
    if (character === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts;
}

/** Every path in a module that leads into its own crate. */
function pathsIn(module, modules) {
  const { uses, code } = modules.get(module);
  const isUsedHere = (name) => name !== '*' && new RegExp(`\\b${name}\\b`).test(code);
  // A re-export of a module's own part only declares it, unless the module uses the name itself.
  const isDeclaration = ({ path, name, isPublic }) =>
    isPublic && isOwnPart(absolute(path, module, modules), module) && !isUsedHere(name);
  const imported = uses.filter((use) => !isDeclaration(use)).map(({ path }) => path);
  const written = [...code.matchAll(/(?<![\w:])\w+(?:::\w+)+/g)].map(([path]) => path.split('::'));
  return [...imported, ...written].map((path) => absolute(path, module, modules)).filter((path) => path !== undefined);
}

function isOwnPart(path, module) {
  return path !== undefined && (module === ROOT || path.join('::').startsWith(`${module}::`));
}

/** The path from the crate's root; `undefined` if it leads to another crate. */
function absolute(path, module, modules) {
  const own = module === ROOT ? [] : module.split('::');
  const [first, ...rest] = path;
  if (first === 'crate') return rest;
  if (first === 'self') return [...own, ...rest];
  if (first === 'super') {
    const up = path.findIndex((part) => part !== 'super');
    return [...own.slice(0, own.length - (up < 0 ? path.length : up)), ...path.slice(up < 0 ? path.length : up)];
  }
  return modules.has([...own, first].join('::')) ? [...own, ...path] : undefined;
}

/** The module that defines what a path leads to. Imports of the modules on the way are followed. */
function definitionOf(path, modules, seen = new Set()) {
  let length = path.length;
  while (length > 0 && !modules.has(path.slice(0, length).join('::'))) length -= 1;
  const module = path.slice(0, length).join('::') || ROOT;
  const [item, ...rest] = path.slice(length);
  if (item === undefined || seen.has(path.join('::'))) return module;
  seen.add(path.join('::'));
  for (const use of modules.get(module).uses) {
    const target = absolute(use.path, module, modules);
    if (target === undefined) continue;
    if (use.name === item) return definitionOf([...target, ...rest], modules, seen);
    if (use.name !== '*') continue;
    const found = definitionOf([...target.slice(0, -1), item], modules, seen);
    if (new RegExp(`\\b(struct|enum|trait|fn|type|const|static)\\s+${item}\\b`).test(modules.get(found).code))
      return found;
  }
  return module;
}
