/** Finds out which package manager an app uses, from its lock file. In a workspace that file may be further up. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { ancestors, readManifest } from './manifest.js';

export type PackageManager = 'npm' | 'pnpm' | 'yarn' | 'bun';

const LOCK_FILES: Record<string, PackageManager> = {
  'pnpm-lock.yaml': 'pnpm',
  'yarn.lock': 'yarn',
  'bun.lock': 'bun',
  'bun.lockb': 'bun',
  'package-lock.json': 'npm',
  'npm-shrinkwrap.json': 'npm',
};

export function packageManagerOf(folder: string): PackageManager {
  for (const ancestor of ancestors(folder)) {
    const named = readManifest(ancestor)?.packageManager?.split('@', 1)[0];
    if (isPackageManager(named)) return named;
    const lock = Object.keys(LOCK_FILES).find((name) => existsSync(join(ancestor, name)));
    if (lock) return LOCK_FILES[lock] as PackageManager;
    // Files outside the repository belong to somebody else.
    if (existsSync(join(ancestor, '.git'))) break;
  }
  return 'npm';
}

/** The command that adds a package. */
export function addCommand(manager: PackageManager, name: string): string {
  return manager === 'npm' ? `npm install ${name}` : `${manager} add ${name}`;
}

/** The command that runs a script of package.json. */
export function runCommand(manager: PackageManager, script: string): string {
  return manager === 'npm' || manager === 'bun' ? `${manager} run ${script}` : `${manager} ${script}`;
}

function isPackageManager(name: string | undefined): name is PackageManager {
  return Object.values<string | undefined>(LOCK_FILES).includes(name);
}
