/** What `@/features/sse` means in an app: by the `paths` of its tsconfig.json or jsconfig.json. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join, resolve } from 'node:path';

import { readJsonc, valueOfNode } from '../source/jsonc.js';
import { Unreadable } from '../source/tokens.js';

export interface PathConfig {
  /** The pattern and its first target, made absolute: `@/*` and `/my-app/src/*`. */
  paths: [pattern: string, target: string][];
  /** The file that has them: what stands in a nearer one would replace them all. */
  from?: string;
  baseUrl?: string;
}

interface CompilerConfig {
  extends?: string | string[];
  compilerOptions?: { baseUrl?: string; paths?: Record<string, string[]> };
}

/** With what it extends. Throws `Unreadable`, naming the file. */
export function readPaths(file: string, depth = 0): PathConfig {
  const config = read(file);
  const folder = dirname(file);
  const parents = [config.extends ?? []].flat().map((parent) => locate(parent, folder));
  const inherited = parents
    .filter((parent) => parent !== undefined && depth < 10)
    .map((parent) => readPaths(parent as string, depth + 1))
    .reduce<PathConfig>((all, parent) => merge(all, parent), { paths: [] });
  const { baseUrl, paths } = config.compilerOptions ?? {};
  const base = baseUrl === undefined ? inherited.baseUrl : resolve(folder, baseUrl);
  const own: PathConfig = { paths: [], ...(base !== undefined && { baseUrl: base }) };
  if (!paths) return merge(inherited, own);
  const targets = Object.entries(paths).map(([pattern, targets]): [string, string] => [
    pattern,
    resolve(base ?? folder, String(targets[0])),
  ]);
  return { ...own, paths: targets, from: file };
}

function merge(all: PathConfig, next: PathConfig): PathConfig {
  return next.from ? { ...all, ...next } : { ...all, ...(next.baseUrl !== undefined && { baseUrl: next.baseUrl }) };
}

function read(file: string): CompilerConfig {
  try {
    return valueOfNode(readJsonc(readFileSync(file, 'utf8'))) as CompilerConfig;
  } catch (error) {
    if (error instanceof Unreadable) throw new Unreadable(`${file}: ${error.message}`);
    throw error;
  }
}

/** The file that `extends` names. What cannot be found is for TypeScript to complain about. */
function locate(name: string, folder: string): string | undefined {
  if (isAbsolute(name) || /^\.{1,2}(\/|$)/.test(name)) {
    const path = resolve(folder, name);
    return [path, `${path}.json`].find((candidate) => candidate.endsWith('.json') && existsSync(candidate));
  }
  const load = createRequire(join(folder, 'package.json'));
  for (const candidate of [name, `${name}.json`, `${name}/tsconfig.json`]) {
    try {
      const path = load.resolve(candidate);
      if (path.endsWith('.json')) return path;
    } catch {
      // Maybe by the next of its names.
    }
  }
  return undefined;
}

/** Where an import leads, by the pattern that TypeScript would choose. */
export function resolveImport(specifier: string, { paths }: PathConfig): string | undefined {
  const matching = paths.flatMap(([pattern, target]) => {
    const [prefix = '', suffix] = pattern.split('*', 2);
    if (suffix === undefined) return specifier === pattern ? [{ length: Number.POSITIVE_INFINITY, target }] : [];
    if (!specifier.startsWith(prefix) || !specifier.endsWith(suffix)) return [];
    const middle = specifier.slice(prefix.length, specifier.length - suffix.length);
    return [{ length: prefix.length, target: target.replace('*', () => middle) }];
  });
  return matching.sort((a, b) => b.length - a.length)[0]?.target;
}
