/** Finds every copy of a package below a `node_modules`, for the layout of every package manager. */
import { type Dirent, readdirSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';

import { readManifest } from '../app/manifest.js';

export interface Copy {
  path: string;
  version: string;
}

/** One per real folder, the least deep first. A link is not a copy. */
export function copiesOf(name: string, nodeModules: string): Copy[] {
  const found = new Map<string, Copy>();
  for (const folder of packageFolders(nodeModules)) {
    if (folder.name !== name) continue;
    const manifest = readManifest(folder.path);
    const path = realPath(folder.path);
    if (path && manifest?.name === name) found.set(path, { path, version: manifest.version ?? 'unknown' });
  }
  return [...found.values()].sort((a, b) => depth(a) - depth(b) || a.path.localeCompare(b.path));
}

function depth({ path }: Copy): number {
  return path.split(sep).length;
}

/** Every package in a `node_modules`, in the `node_modules` of those packages, and in the stores of pnpm and bun. */
function* packageFolders(nodeModules: string): Generator<{ name: string; path: string }> {
  for (const entry of entriesOf(nodeModules)) {
    const path = join(nodeModules, entry.name);
    if (entry.name === '.pnpm' || entry.name === '.bun') {
      for (const stored of entriesOf(path)) yield* packageFolders(join(path, stored.name, 'node_modules'));
    } else if (entry.name.startsWith('@')) {
      for (const scoped of entriesOf(path))
        yield* withNested(`${entry.name}/${scoped.name}`, join(path, scoped.name), scoped);
    } else if (!entry.name.startsWith('.')) yield* withNested(entry.name, path, entry);
  }
}

function* withNested(name: string, path: string, entry: Dirent): Generator<{ name: string; path: string }> {
  yield { name, path };
  // The target of a link is found in its own place. In a workspace it may lead back up.
  if (entry.isDirectory()) yield* packageFolders(join(path, 'node_modules'));
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
