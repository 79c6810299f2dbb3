/** Builds the npm package in place: the addon with its loader and types, and `ts/` compiled or bundled to `dist/`. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { remapFlags } from './build-paths.mjs';
import { bundleCli } from './bundle-cli.mjs';
import { bundleClient } from './bundle-client.mjs';
import { bundleInspector } from './bundle-inspector.mjs';
import { bin, ensureNodeModules, npm } from './node-modules.mjs';
import { cache, root } from './paths.mjs';
import { run } from './run.mjs';
import { ensureTools } from './system-tools.mjs';

/** `napi`: more arguments for `napi build`, which choose another target. */
export async function buildPackage({ debug = false, napi = [] } = {}) {
  await ensureNodeModules();
  await ensureTools('cargo', 'cc');
  // Before the addon, which contains the page. It writes only if the page has changed.
  await bundleInspector();
  await buildAddon(debug, napi);
  await buildTypeScript();
}

/** Writes `ssekit.<platform>.node`, `binding.js` and `binding.d.ts`. */
async function buildAddon(debug, napi) {
  const profile = debug ? [] : ['--release'];
  // A debug build is published nowhere, and shares what it compiles with `cargo test`.
  const env = debug ? {} : { RUSTFLAGS: await remapFlags() };
  // In CI a lock file that does not fit Cargo.toml is a mistake; elsewhere it is what a change of dependencies needs.
  const cargo = process.env.CI ? ['--', '--locked'] : [];
  const output = ['--platform', '--js', 'binding.js', '--dts', 'binding.d.ts'];
  await run(process.execPath, [bin('@napi-rs/cli', 'napi'), 'build', ...output, ...profile, ...napi, ...cargo], {
    env,
  });
}

async function buildTypeScript() {
  const dist = join(root, 'dist');
  const memory = join(cache, 'tsc', 'build.tsbuildinfo');
  // tsc trusts its memory of what it wrote, even where that was deleted.
  if (!existsSync(dist)) rmSync(memory, { force: true });
  await run(process.execPath, [bin('typescript', 'tsc'), '-p', 'tsconfig.build.json', '--tsBuildInfoFile', memory]);
  removeStale(dist, join(root, 'ts'));
  await bundleClient();
  await bundleCli();
}

/** Removes what was compiled from a source that no longer exists: the package would ship it. */
function removeStale(built, sources) {
  for (const entry of readdirSync(built, { withFileTypes: true })) {
    const path = join(built, entry.name);
    const source = join(sources, entry.name.replace(/(\.d\.m?ts|\.m?js)$/, ''));
    if (entry.isDirectory() && existsSync(source)) removeStale(path, source);
    else if (!['', '.ts', '.tsx', '.mts'].some((extension) => existsSync(source + extension)))
      rmSync(path, { recursive: true });
  }
}

/** The files of the package, except its binary. */
export async function packedFiles() {
  const [report] = JSON.parse(await npm(['pack', '--dry-run', '--json', '--loglevel=error'], { stdout: 'capture' }));
  return report.files.map((file) => file.path);
}
