/** Finds the apps in a workspace of npm, pnpm, yarn or bun, for a user at its root. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { isNextApp } from './layout.js';
import { readManifest } from './manifest.js';

/** Enough for any workspace: `apps/web` is the rule, `packages/team/web` the exception. */
const MAX_DEPTH = 4;
const MAX_FOLDERS = 2000;

function isWorkspace(folder: string): boolean {
  return readManifest(folder)?.workspaces !== undefined || existsSync(join(folder, 'pnpm-workspace.yaml'));
}

/** The Next.js apps below a workspace's root, relative to it and with slashes. Empty if the folder is not a root. */
export function appsOf(folder: string): string[] {
  if (!isWorkspace(folder)) return [];
  const apps: string[] = [];
  let folders = [''];
  let looked = 0;
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
    folders = folders.flatMap((path) => {
      looked += 1;
      return looked > MAX_FOLDERS ? [] : foldersIn(folder, path);
    });
    apps.push(...folders.filter((path) => isNextApp(join(folder, path))));
  }
  return apps;
}

/** Skips links, because their targets are found in their own places. */
function foldersIn(root: string, path: string): string[] {
  try {
    return readdirSync(join(root, path), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
      .map(({ name }) => (path === '' ? name : `${path}/${name}`))
      .sort();
  } catch {
    return [];
  }
}
