/**
 * `node scripts/check-binary.mjs`: fails unless the built binaries are fit to be published: of a bearable size, and without paths
 * of the machine that built them.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { leakedFolders } from './lib/build-paths.mjs';
import { root } from './lib/paths.mjs';
import { Failure, main } from './lib/run.mjs';

/** Users download a binary with every installation. */
const MAX_BYTES = 8_000_000;

await main(() => {
  const binaries = readdirSync(root).filter((name) => name.endsWith('.node'));
  if (binaries.length === 0) throw new Failure('No binary to check: build one with npm run build');
  const faults = binaries.flatMap((name) => faultsOf(name, join(root, name)));
  if (faults.length > 0) throw new Failure(faults.join('\n'));
});

function faultsOf(name, binary) {
  const { size } = statSync(binary);
  console.log(`${name}: ${size} bytes`);
  const faults = leakedFolders(binary).map((folder) => `${name} contains paths under ${folder}`);
  return size < MAX_BYTES ? faults : [...faults, `${name} has ${size} bytes; the limit is ${MAX_BYTES}`];
}
