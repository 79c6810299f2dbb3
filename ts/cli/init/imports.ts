/** The imports between an app's files, and the change that makes `@/features/sse` work. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

import type { NextApp } from '../app/next-app.js';
import { type PathConfig, readPaths, resolveImport } from '../app/paths.js';
import { addPath } from '../source/add-path.js';
import { Unreadable } from '../source/unreadable.js';
import type { Step } from './step.js';

export const FEATURE = '@/features/sse';

export interface Imports {
  /** The change to the config that has the aliases, or why no change is possible. */
  step?: Step;
  /** The folder of `FEATURE`, relative to the app's. */
  featureFolder: string;
  /** The specifier by which a file imports a module; both are relative to the app's folder. */
  specifier(module: string, from: string): string;
}

export function importsOf(app: NextApp): Imports {
  const file = app.language === 'ts' ? 'tsconfig.json' : 'jsconfig.json';
  const path = join(app.folder, file);
  if (!existsSync(path)) {
    const text = `${JSON.stringify({ compilerOptions: { paths: { '@/*': [`./${join(app.base, '*')}`] } } }, null, 2)}\n`;
    const paths: PathConfig = { paths: [['@/*', join(app.folder, app.base, '*')]] };
    return usable(app, paths, { path: file, kind: 'create', after: text });
  }
  try {
    const paths = readPaths(path);
    const target = resolveImport(FEATURE, paths);
    if (target && isWithin(app.folder, target)) return usable(app, paths);
    return target ? relativeOnly(app, undefined) : withAlias(app, file, paths);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return relativeOnly(app, refusal(file, `${error.message}`));
  }
}

function withAlias(app: NextApp, file: string, paths: PathConfig): Imports {
  const path = join(app.folder, file);
  if (paths.from !== undefined && paths.from !== path) {
    const reason = `it inherits its paths from ${relative(app.folder, paths.from)}, and its own paths would replace all of those`;
    return relativeOnly(app, refusal(file, reason));
  }
  const target = slashed(relative(paths.baseUrl ?? app.folder, join(app.folder, app.base, '*')));
  const before = readFileSync(path, 'utf8');
  const outcome = addPath(before, '@/*', target.startsWith('.') ? target : `./${target}`);
  if (outcome.kind !== 'changed')
    return relativeOnly(app, refusal(file, outcome.kind === 'refused' ? outcome.reason : ''));
  const added: PathConfig = { paths: [...paths.paths, ['@/*', join(app.folder, app.base, '*')]] };
  return usable(app, added, { path: file, kind: 'change', before, after: outcome.text, say: 'added the alias @/*' });
}

function refusal(file: string, reason: string): Step {
  return {
    path: file,
    kind: 'refuse',
    say: `${reason}. To import @/features/sse, add this to compilerOptions.paths:`,
    snippet: '"@/*": ["./*"]',
  };
}

function usable(app: NextApp, paths: PathConfig, step?: Step): Imports {
  const target = resolveImport(FEATURE, paths) as string;
  const relatively = relativeOnly(app, undefined);
  return {
    ...(step && { step }),
    featureFolder: slashed(relative(app.folder, target)),
    specifier(module, from) {
      const alias = aliasOf(resolve(app.folder, module), paths);
      return alias ?? relatively.specifier(module, from);
    },
  };
}

function relativeOnly(app: NextApp, step: Step | undefined): Imports {
  return {
    ...(step && { step }),
    featureFolder: slashed(join(app.base, 'features', 'sse')),
    specifier(module, from) {
      const path = slashed(relative(dirname(from), module));
      return path.startsWith('.') ? path : `./${path}`;
    },
  };
}

/** The import that leads to a module through an alias, if there is one. */
function aliasOf(module: string, paths: PathConfig): string | undefined {
  for (const [pattern, target] of paths.paths) {
    const [before = '', after] = target.split('*', 2);
    if (after !== '' || !module.startsWith(before)) continue;
    const specifier = pattern.replace('*', () => slashed(module.slice(before.length)));
    if (pattern.startsWith('@') && resolveImport(specifier, paths) === module) return specifier;
  }
  return undefined;
}

function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return !way.startsWith('..') && !way.split(sep).includes('node_modules');
}

export function slashed(path: string): string {
  return path.split(sep).join('/');
}
