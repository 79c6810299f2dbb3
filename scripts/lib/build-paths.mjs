/**
 * Keeps the paths of the machine that builds out of a published binary. A panic carries the path of its source, so without this
 * every user's log could name the builder's folders.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, parse, resolve } from 'node:path';
import { root } from './paths.mjs';
import { run } from './run.mjs';

/** Flags for rustc, as RUSTFLAGS. Of several prefixes that match a path, rustc takes the last. */
export async function remapFlags() {
  const toolchain = (await run('rustc', ['--print', 'sysroot'], { stdout: 'capture' })).trim();
  const names = [...privateFolders().map(({ folder, name }) => [folder, name]), [toolchain, 'rust']];
  // RUSTFLAGS are split at spaces, and napi-rs adds to them what musl needs; the encoded form would hide that from cargo.
  const flags = names.filter(([folder]) => !/\s/.test(folder)).map(([from, to]) => `--remap-path-prefix=${from}=${to}`);
  return [process.env.RUSTFLAGS, ...flags].filter(Boolean).join(' ');
}

/** The folders whose paths a binary contains. */
export function leakedFolders(binary) {
  const bytes = readFileSync(binary);
  // With the slash, because a short path may be the beginning of other text.
  return privateFolders()
    .map(({ folder }) => folder)
    .filter((folder) => bytes.includes(`${folder}/`) || bytes.includes(`${folder}\\`));
}

/** From the widest to the narrowest. */
function privateFolders() {
  const home = homedir();
  return [
    { folder: home, name: 'home' },
    { folder: resolve(process.env.CARGO_HOME ?? join(home, '.cargo')), name: 'cargo' },
    { folder: root, name: 'ssekit' },
  ].filter(({ folder }) => folder !== parse(folder).root);
}
