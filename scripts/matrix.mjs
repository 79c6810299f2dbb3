/**
 * `npm run test:matrix`: the two tarballs of the release in users' apps, on what people run. Each cell is one app with one client that has
 * to receive its event. Words after `--` choose cells by name: `npm run test:matrix -- '16 dev'`.
 *
 * Writes docs/compatibility.md when all cells were run; with `--check` it fails instead if that file would change.
 * `--packages=folder` takes the tarballs from there; else they are made first.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureNodeModules } from './lib/node-modules.mjs';
import { root } from './lib/paths.mjs';
import { Failure, main, run } from './lib/run.mjs';

await main(async () => {
  const { values, positionals: words } = parseArgs({
    options: { check: { type: 'boolean' }, packages: { type: 'string' } },
    allowPositionals: true,
  });
  await ensureNodeModules();
  if (!values.packages) await run(process.execPath, [join(root, 'scripts', 'pack.mjs')]);
  const results = await runAll(values.packages ?? join(root, 'packages', 'release'), words);

  const failed = [...results].filter(([, { error }]) => error);
  // Once more at the end, where they are found without the logs.
  for (const [name, { error }] of failed) console.error(`FAIL  ${name}: ${error.message}`);
  console.log(`\nmatrix: ${results.size - failed.length} passed, ${failed.length} failed`);
  if (failed.length > 0) return 1;
  if (words.length > 0) return 0;
  const { checkDocument, writeDocument } = await import('./matrix/document.mjs');
  if (!values.check) writeDocument(results);
  else if (!checkDocument(results)) throw new Failure('docs/compatibility.md is out of date: npm run test:matrix');
});

/** By name, the transport of each cell, or why it failed. */
async function runAll(packages, words) {
  // They import what has just been installed.
  const [{ makeWorkspace }, { groupsOf }] = await Promise.all([
    import('./matrix/app.mjs'),
    import('./matrix/groups.mjs'),
  ]);
  const workspace = makeWorkspace(packages);
  const results = new Map();
  try {
    const queue = groupsOf(workspace, (name) => words.length === 0 || words.some((word) => name.includes(word)));
    if (queue.length === 0) throw new Failure(`no cell of the matrix is named ${words.join(' or ')}`);
    // Two at a time: while one app is installed, another one is built.
    const worker = async () => {
      for (let group = queue.shift(); group; group = queue.shift()) await runGroup(group, results);
    };
    await Promise.all([worker(), worker()]);
  } finally {
    rmSync(workspace, { recursive: true, force: true, maxRetries: 5 });
  }
  return results;
}

async function runGroup({ make, cells }, results) {
  const installation = [];
  let app;
  let broken;
  try {
    app = await make(installation);
  } catch (error) {
    broken = error;
  }
  for (const { name, run } of cells) {
    const log = broken ? installation : [];
    const started = Date.now();
    try {
      if (broken) throw broken;
      const transport = await run(log, app);
      results.set(name, { transport });
      console.log(`ok    ${name}: ${transport} (${seconds(started)})`);
    } catch (error) {
      results.set(name, { error });
      console.error(`${log.join('')}\nFAIL  ${name}: ${error.message} (${seconds(started)})\n`);
    }
  }
}

function seconds(started) {
  return `${Math.round((Date.now() - started) / 1000)} s`;
}
