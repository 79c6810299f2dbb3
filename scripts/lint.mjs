/**
 * `npm run lint`: formatting, lints and types of everything. `-- --fix` mends what a tool can mend by itself.
 *
 * Every step is run, whatever became of those before it. Ends with the steps that failed and the line
 * `lint: N passed, N failed`.
 */

import { join } from 'node:path';
import { loadManifest } from './lib/benchmark.mjs';
import { bundleInspector, checkInspector } from './lib/bundle-inspector.mjs';
import { EXAMPLE_ENV, ensureExample, next } from './lib/example.mjs';
import { checkFolderImports } from './lib/folder-imports.mjs';
import { bin, ensureNodeModules } from './lib/node-modules.mjs';
import { buildPackage } from './lib/package.mjs';
import { clusterExample, example, root } from './lib/paths.mjs';
import { Failure, main, run } from './lib/run.mjs';
import { checkRustImports } from './lib/rust-imports.mjs';
import { checkThirdPartyLicenses } from './lib/third-party-licenses.mjs';
import { checkWorkflows } from './lib/workflows.mjs';

const fix = process.argv.includes('--fix');
const node = (args, options) => run(process.execPath, args, options);

/** The package's, and the benchmark's. */
const WORKSPACES = [[], ['--manifest-path', loadManifest]];

/** Without this, the crate of the fuzzer would compile that library, which takes a C++ compiler. */
const NO_FUZZER = { CUSTOM_LIBFUZZER_PATH: join(root, 'none', 'libfuzzer.a') };

const STEPS = {
  'cargo fmt': async () => {
    for (const scope of WORKSPACES) await run('cargo', ['fmt', '--all', ...scope, ...(fix ? [] : ['--check'])]);
  },
  'cargo clippy': async () => {
    for (const workspace of WORKSPACES) {
      const scope = [...workspace, '--workspace', '--all-targets', '--locked'];
      if (fix) await run('cargo', ['clippy', '--fix', '--allow-dirty', '--allow-staged', ...scope]);
      await run('cargo', ['clippy', ...scope, '--', '-D', 'warnings']);
    }
  },
  // Nothing else compiles them here. They are not linked, so the fuzzer's own library need not be there.
  'fuzz targets': () => run('cargo', ['check', '--quiet', '--locked'], { cwd: join(root, 'fuzz'), env: NO_FUZZER }),
  'imports of the crates': () => checkRustImports(),
  'imports of folders': () => checkFolderImports(),
  'third-party licences': checkThirdPartyLicenses,
  biome: async () => {
    await ensureNodeModules();
    await node([bin('@biomejs/biome', 'biome'), 'check', '--error-on-warnings', ...(fix ? ['--write'] : [])]);
  },
  'page of the inspector': async () => {
    await ensureNodeModules();
    await (fix ? bundleInspector() : checkInspector());
  },
  // The types of the subpaths that tests and the example app import are those of the built package.
  build: () => buildPackage(),
  types: () => node([bin('typescript', 'tsc'), '--noEmit', '-p', '.']),
  'types of the examples': async () => {
    await ensureExample();
    await node(next('typegen'), { cwd: example, env: EXAMPLE_ENV });
    await ensureNodeModules(clusterExample);
    // The cluster's worker, and that of a test, are of the same code, and compiled by the same compiler.
    const worker = join(root, '__test__', 'programs', 'order-worker');
    for (const cwd of [example, clusterExample, worker])
      await node([bin('typescript', 'tsc', example), '--noEmit', '-p', '.'], { cwd });
  },
  'API reference': () => node([join(root, 'scripts', 'docs.mjs'), ...(fix ? [] : ['--check'])]),
  workflows: checkWorkflows,
};

await main(async () => {
  const failed = [];
  for (const [name, step] of Object.entries(STEPS)) {
    console.log(`\n== ${name}`);
    try {
      await step();
    } catch (error) {
      console.error(error instanceof Failure ? error.message : error);
      failed.push(name);
    }
  }
  if (failed.length > 0) console.error(`\nFailed: ${failed.join(', ')}`);
  console.log(`\nlint: ${Object.keys(STEPS).length - failed.length} passed, ${failed.length} failed`);
  return failed.length > 0 ? 1 : 0;
});
