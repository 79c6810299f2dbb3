/** The programs that the benchmark measures with. */
import { join } from 'node:path';
import { benchmark } from './paths.mjs';
import { run } from './run.mjs';

/** They have their own workspace: see bench/load/Cargo.toml. */
export const loadManifest = join(benchmark, 'load', 'Cargo.toml');

export async function buildLoad() {
  await run('cargo', ['build', '--release', '--locked', '--manifest-path', loadManifest]);
}

/** The storm at the engine, which is a benchmark of cargo's. */
export async function buildStorm() {
  await run('cargo', ['bench', '--locked', '-p', 'ssekit-http', '--bench', 'storm', '--no-run']);
}
