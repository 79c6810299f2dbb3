/** Reads the files of an app. There may be anything under any file name. */
import { readFileSync, statSync } from 'node:fs';

import { CannotRun } from '../usage.js';

/** More than anybody writes by hand. */
const MAX_BYTES = 1_000_000;

/** Throws `CannotRun`, naming the file, if the file is too large, or is a pipe or device that would block. */
export function readText(file: string): string {
  const stats = statSync(file);
  if (!stats.isFile()) throw new CannotRun(`${file} is not a file.`);
  if (stats.size > MAX_BYTES)
    throw new CannotRun(
      `${file} is too large: it has ${stats.size.toLocaleString('en')} bytes, and the limit is ${MAX_BYTES.toLocaleString('en')}.`,
    );
  return readFileSync(file, 'utf8');
}
