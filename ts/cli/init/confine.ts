/**
 * Keeps the files that `init` writes within the app. A link may lead anywhere, and its creator may not be the user of `init`.
 */
import { lstatSync, realpathSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

import type { Step } from './step.js';

/** Whether a path of the app is also inside the app for the file system. */
export function staysWithin(folder: string, path: string): boolean {
  const real = realOf(join(folder, path));
  if (real === undefined) return false;
  const way = relative(realpathSync(folder), real);
  return way !== '..' && !way.startsWith(`..${sep}`) && !/^([a-z]:|[\\/])/i.test(way);
}

/** The real target of a path, or of the folder to create for it. `undefined` for a link that leads nowhere. */
function realOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    if (exists(path)) return undefined;
    return dirname(path) === path ? path : realOf(dirname(path));
  }
}

function exists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Leaves a step to the user if a link would lead it out of the app. */
export function confined(folder: string, step: Step): Step {
  if (step.after === undefined || staysWithin(folder, step.path)) return step;
  const { path, after } = step;
  return {
    path,
    kind: 'refuse',
    say: 'a symbolic link leads out of the app here. The file should contain:',
    snippet: after,
  };
}
