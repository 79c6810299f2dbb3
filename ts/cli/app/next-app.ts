/** Collects what `init` must know about an app before it writes anything. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { baseOf, isNextApp, scriptAt } from './layout.js';
import { majorOf, versionOf, wanted } from './manifest.js';
import { type PackageManager, packageManagerOf } from './package-manager.js';
import { appsOf } from './workspace.js';

export interface NextApp {
  folder: string;
  /** The version of Next.js, if it is known. */
  version: string | undefined;
  /** 14, 15, …; if it is not known, a number larger than all of them. */
  major: number;
  /** The version of React, or what package.json wants in place of one (`rc`); missing if there is none. */
  react: string | undefined;
  /** `''` or `'src'`: the folder that contains the App Router's folder. */
  base: '' | 'src';
  language: 'ts' | 'js';
  manager: PackageManager;
  hasPackage: boolean;
}

/** The oldest supported Next.js. Earlier versions have no instrumentation that could load ssekit in time. */
const OLDEST = 14;

/** Returns a text that says why, if there is no app to work on. */
export function readNextApp(folder: string): NextApp | string {
  const base = baseOf(folder);
  const apps = isNextApp(folder) && base !== undefined ? [] : appsOf(folder);
  if (apps.length > 0) return inWorkspace(folder, apps);
  if (!existsSync(join(folder, 'package.json'))) return `There is no package.json in ${folder}.`;
  if (!isNextApp(folder)) return `${folder} is not a Next.js app: its package.json does not depend on “next”.`;
  if (base === undefined) {
    return `${folder} has no App Router: there is no app or src/app. For the Pages Router, use handleSSE from ssekit/node (see the README).`;
  }
  const version = versionOf(folder, 'next');
  const major = majorOf(version) || Number.POSITIVE_INFINITY;
  if (major < OLDEST) return `${folder} has Next.js ${version}, but ssekit needs ${OLDEST} or newer.`;
  return {
    folder,
    version,
    major,
    react: versionOf(folder, 'react') ?? wanted(folder, 'react'),
    base,
    language: languageOf(folder, base),
    manager: packageManagerOf(folder),
    hasPackage: wanted(folder, 'ssekit') !== undefined,
  };
}

/** Nobody would read more. */
const MAX_NAMED = 10;

function inWorkspace(folder: string, apps: string[]): string {
  const commands = apps.slice(0, MAX_NAMED).map((app) => `  npx ssekit init ${quoted(app)}`);
  const rest = apps.length > MAX_NAMED ? [`  … and ${apps.length - MAX_NAMED} more`] : [];
  return [`${folder} is the root of a workspace. Name the app:`, ...commands, ...rest].join('\n');
}

/** Quotes a path for a shell. */
function quoted(path: string): string {
  return /^[\w@./+-]+$/.test(path) && !path.startsWith('-') ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function languageOf(folder: string, base: string): 'ts' | 'js' {
  if (existsSync(join(folder, 'tsconfig.json'))) return 'ts';
  return /\.tsx?$/.test(scriptAt(folder, join(base, 'app', 'layout')) ?? '') ? 'ts' : 'js';
}
