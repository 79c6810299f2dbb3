/** Resolves imports like `@/features/sse` in an app, by the `paths` of its tsconfig.json or jsconfig.json. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join, resolve } from 'node:path';

import { plainValue, readJsonc } from '../source/jsonc.js';
import { Unreadable } from '../source/unreadable.js';

export interface PathConfig {
  /** The pattern and its first target as an absolute path: `@/*` and `/my-app/src/*`. */
  paths: [pattern: string, target: string][];
  /** The file that defines them. `paths` in a nearer file would replace them all. */
  from?: string;
  baseUrl?: string;
}

interface CompilerConfig {
  extends?: string | string[];
  compilerOptions?: { baseUrl?: string; paths?: Record<string, string[]> };
}

/** More than any app needs, in files and in bytes per file. More than that is a mistake, or an attempt to keep us busy. */
const MAX_CONFIGS = 50;
const MAX_BYTES = 1_000_000;

/** Reads a config with everything that it extends. Throws `Unreadable`, naming the file. */
export function readPaths(file: string): PathConfig {
  return new ConfigReader().read(file);
}

/** Reads each file once, no matter how often it is extended. */
class ConfigReader {
  readonly #known = new Map<string, PathConfig>();
  /** Files that are being read. Meeting one of them again means a cycle. */
  readonly #open = new Set<string>();

  read(file: string): PathConfig {
    const known = this.#known.get(file);
    if (known) return known;
    if (this.#open.has(file)) throw new Unreadable(`${file}: it extends itself`);
    if (this.#open.size + this.#known.size >= MAX_CONFIGS)
      throw new Unreadable(`${file}: this app's configs extend more than ${MAX_CONFIGS} files`);
    this.#open.add(file);
    const config = read(file);
    const folder = dirname(file);
    const parents = [config.extends ?? []].flat().filter((parent) => typeof parent === 'string');
    if (parents.length > MAX_CONFIGS)
      throw new Unreadable(`${file}: it extends ${parents.length} files, and the limit is ${MAX_CONFIGS}`);
    const inherited = parents
      .flatMap((parent) => locate(parent, folder) ?? [])
      .map((parent) => this.read(parent))
      .reduce<PathConfig>((all, parent) => merge(all, parent), { paths: [] });
    const result = withOwn(inherited, config, file);
    this.#open.delete(file);
    this.#known.set(file, result);
    return result;
  }
}

function withOwn(inherited: PathConfig, config: CompilerConfig, file: string): PathConfig {
  const folder = dirname(file);
  const { baseUrl, paths } = config.compilerOptions ?? {};
  const base = baseUrl === undefined ? inherited.baseUrl : resolve(folder, baseUrl);
  const own: PathConfig = { paths: [], ...(base !== undefined && { baseUrl: base }) };
  if (!paths) return merge(inherited, own);
  const targets = Object.entries(paths).map(([pattern, targets]): [string, string] => [
    pattern,
    resolve(base ?? folder, String([targets].flat()[0])),
  ]);
  return { ...own, paths: targets, from: file };
}

function merge(all: PathConfig, next: PathConfig): PathConfig {
  return next.from ? { ...all, ...next } : { ...all, ...(next.baseUrl !== undefined && { baseUrl: next.baseUrl }) };
}

function read(file: string): CompilerConfig {
  const stats = statSync(file);
  // Reading a pipe or a device would block.
  if (!stats.isFile() || stats.size > MAX_BYTES)
    throw new Unreadable(`${file}: it is not a regular file of at most ${MAX_BYTES.toLocaleString('en')} bytes`);
  try {
    return plainValue(readJsonc(readFileSync(file, 'utf8'))) as CompilerConfig;
  } catch (error) {
    if (error instanceof Unreadable) throw new Unreadable(`${file}: ${error.message}`);
    throw error;
  }
}

/** The file that `extends` names. TypeScript itself reports a file that cannot be found. */
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
      // The next name may work.
    }
  }
  return undefined;
}

/** Resolves an import, by the pattern that TypeScript would choose. */
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
