/** Reads the package.json files of an app. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, parse } from 'node:path';

import { readText } from './read-text.js';

interface Manifest {
  name?: string;
  version?: string;
  type?: string;
  packageManager?: string;
  workspaces?: unknown;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

export function readManifest(folder: string): Manifest | undefined {
  try {
    return JSON.parse(readText(join(folder, 'package.json')));
  } catch {
    return undefined;
  }
}

/** The version range with which a folder's package.json asks for a package. */
export function wanted(folder: string, name: string): string | undefined {
  const { dependencies, devDependencies, optionalDependencies } = readManifest(folder) ?? {};
  return { ...optionalDependencies, ...devDependencies, ...dependencies }[name];
}

/** Where a package that the folder can import is installed. */
export function installedAt(folder: string, name: string): string | undefined {
  try {
    return dirname(createRequire(join(folder, 'package.json')).resolve(`${name}/package.json`));
  } catch {
    // The package is missing, or its `exports` hide the file. Then search in the usual places.
    return ancestors(folder)
      .map((ancestor) => join(ancestor, 'node_modules', name))
      .find((place) => existsSync(join(place, 'package.json')));
  }
}

/** The version in use: that of the installed package, or else the first number of the wanted range. */
export function versionOf(folder: string, name: string): string | undefined {
  const home = installedAt(folder, name);
  const installed = home && readManifest(home)?.version;
  return installed ?? wanted(folder, name)?.match(/\d+(\.\d+)*[\w.+-]*/)?.[0];
}

export function majorOf(version: string | undefined): number {
  return Number.parseInt(version ?? '', 10);
}

/** A folder and all folders around it. */
export function ancestors(folder: string): string[] {
  const all = [folder];
  for (let at = folder; at !== parse(at).root; at = dirname(at)) all.push(dirname(at));
  return all;
}
