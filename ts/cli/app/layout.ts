/** Where a Next.js app keeps its files. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { wanted } from './manifest.js';

/** The names in the order in which Next.js looks for them. Next.js reports the others as not supported. */
const CONFIG_FILES = ['next.config.js', 'next.config.mjs', 'next.config.ts', 'next.config.mts', 'next.config.cjs'];

/** Where `init` lets an app keep the history, relative to the app. */
export const DATA_FOLDER = '.data';

const SCRIPTS = ['ts', 'tsx', 'js', 'jsx', 'mjs'];

export function isNextApp(folder: string): boolean {
  return wanted(folder, 'next') !== undefined;
}

export function configFileOf(folder: string): string | undefined {
  return CONFIG_FILES.find((name) => existsSync(join(folder, name)));
}

/** `''` or `'src'`: the folder that contains the App Router's folder. `undefined` if there is no such folder. */
export function baseOf(folder: string): '' | 'src' | undefined {
  if (existsSync(join(folder, 'app'))) return '';
  return existsSync(join(folder, 'src', 'app')) ? 'src' : undefined;
}

/** The file at this path, relative to the folder, with whichever extension it has. */
export function scriptAt(folder: string, path: string): string | undefined {
  return SCRIPTS.map((ending) => `${path}.${ending}`).find((name) => existsSync(join(folder, name)));
}
