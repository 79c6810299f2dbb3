/** Keeps what `init` writes within the app: a link may lead anywhere, and whoever made it may not be who runs `init`. */
import { lstatSync, realpathSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

import type { Step } from './step.js';

/** Whether a path of the app is in the app for the file system, too. */
export function staysWithin(folder: string, path: string): boolean {
  const real = realOf(join(folder, path));
  if (real === undefined) return false;
  const way = relative(realpathSync(folder), real);
  return way !== '..' && !way.startsWith(`..${sep}`) && !/^([a-z]:|[\\/])/i.test(way);
}

/** Where a path leads, or the folder that is to be made for it. `undefined`: a link that leads to nothing. */
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

/** Leaves to be done by hand what a link would lead out of the app. */
export function confined(folder: string, step: Step): Step {
  if (step.after === undefined || staysWithin(folder, step.path)) return step;
  const { path, after } = step;
  return { path, kind: 'refuse', say: 'a link leads out of the app here. It would have been:', snippet: after };
}
