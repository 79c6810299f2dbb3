/** The files that keep the history's folder out of repositories and images. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { DATA_FOLDER } from '../app/layout.js';
import { readText } from '../app/read-text.js';
import { lineEndOf } from '../source/edit.js';
import type { Step } from './step.js';

const COMMENT = '# The history of ssekit: personal data';

/** A repository is the rule, and an image the exception. So `.gitignore` is created, and `.dockerignore` is not. */
export function ignoreFiles(folder: string): Step[] {
  const isDocker = existsSync(join(folder, '.dockerignore'));
  // Git takes a pattern without a slash in front for any folder. Docker reads all patterns from the top.
  return [
    step(folder, '.gitignore', `/${DATA_FOLDER}/`),
    ...(isDocker ? [step(folder, '.dockerignore', DATA_FOLDER)] : []),
  ];
}

function step(folder: string, path: string, entry: string): Step {
  const file = join(folder, path);
  if (!existsSync(file)) return { path, kind: 'create', after: `${COMMENT}\n${entry}\n` };
  const before = readText(file);
  const patterns = before.split(/\r?\n/).map((line) => line.trim());
  if (patterns.some((pattern) => named(pattern) === `!${DATA_FOLDER}`)) {
    const say = `it says that ${DATA_FOLDER} belongs in there. Events are personal data, so it should say:`;
    return { path, kind: 'refuse', say, snippet: entry };
  }
  if (patterns.some((pattern) => named(pattern) === DATA_FOLDER)) return { path, kind: 'keep' };
  const lineEnd = lineEndOf(before);
  const gap = before === '' ? '' : /\n$/.test(before) ? lineEnd : lineEnd + lineEnd;
  const after = `${before}${gap}${COMMENT}${lineEnd}${entry}${lineEnd}`;
  return { path, kind: 'change', before, after, say: `leaves out ${DATA_FOLDER}` };
}

/** A pattern without the slashes and wildcards that make no difference for a folder at the top. */
function named(pattern: string): string {
  return pattern.replace(/^(!?)(?:\*\*)?\//, '$1').replace(/\/(?:\*\*?)?$/, '');
}
