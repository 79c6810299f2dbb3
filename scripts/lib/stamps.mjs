/** Remembers what an installation was made from, so that it is made again when that changes, and only then. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Calls `install` unless the file `stamp` says that it was done for the same `inputs` (texts). Contents are compared, not
 * times, which a git checkout sets as it pleases. A failed installation leaves no stamp of its own.
 */
export async function installOnce(stamp, inputs, install) {
  const wanted = fingerprint(inputs);
  if (read(stamp) === wanted) return;
  await install();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
}

function fingerprint(inputs) {
  const hash = createHash('sha256');
  for (const input of inputs) hash.update(`${input.length}:${input}`);
  return `${hash.digest('hex')}\n`;
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
