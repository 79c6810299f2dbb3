/** Searches an app's own sources for something to import. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface Found {
  /** Relative to the app, with slashes, without its extension. */
  module: string;
  /** The name that the pattern captured. */
  name: string;
}

/** Enough for any app. A folder of another kind must not be read to its end. */
const MAX_FILES = 5000;
const MAX_BYTES = 200_000;

const SKIPPED = ['node_modules', 'dist', 'build', 'out', 'coverage', 'public'];

export class SourceFinder {
  readonly #folder: string;
  #files: { path: string; text: string }[] | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The file nearest to the app's folder that matches all patterns. The first pattern captures the name. */
  find(pattern: RegExp, ...others: RegExp[]): Found | undefined {
    return this.findAt(/^/, pattern, ...others);
  }

  /** The same, among the files whose paths match. */
  findAt(place: RegExp, pattern: RegExp, ...others: RegExp[]): Found | undefined {
    this.#files ??= [...filesIn(this.#folder)]
      .sort((a, b) => a.split('/').length - b.split('/').length || a.localeCompare(b))
      .map((path) => ({ path, text: readFileSync(join(this.#folder, path), 'utf8') }));
    for (const { path, text } of this.#files) {
      if (!place.test(path)) continue;
      const name = pattern.exec(text)?.slice(1).find(Boolean);
      if (!name || !others.every((other) => other.test(text))) continue;
      return { module: path.replace(/(\/index)?\.[^.]+$/, ''), name };
    }
    return undefined;
  }
}

function* filesIn(root: string): Generator<string> {
  const folders = [''];
  let files = 0;
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && !entry.name.startsWith('.') && !SKIPPED.includes(entry.name)) folders.push(path);
      if (!entry.isFile() || !/(?<!\.d)\.(ts|tsx|js|jsx|mjs)$/.test(entry.name)) continue;
      files += 1;
      if (files > MAX_FILES) return;
      if (statSync(join(root, path)).size <= MAX_BYTES) yield path;
    }
  }
}
