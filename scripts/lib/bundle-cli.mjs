/**
 * Bundles `ts/cli` with its libraries into `dist/cli/index.js`, so that the package needs nothing else at run time. The licences
 * of the libraries lie beside it.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';
import { Failure } from './run.mjs';

const target = join(root, 'dist', 'cli');

export async function bundleCli() {
  // Only now, because these scripts also run where nothing is installed yet.
  const { build } = await import('esbuild');
  rmSync(target, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['ts/cli/index.ts'],
    outfile: 'dist/cli/index.js',
    bundle: true,
    platform: 'node',
    // The oldest Node.js that package.json allows.
    target: 'node20.9',
    format: 'cjs',
    // ES modules first: only in those does esbuild find what nobody uses.
    mainFields: ['module', 'main'],
    minify: true,
    // A user may have to report a stack trace.
    keepNames: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  });
  writeFileSync(join(target, 'THIRD-PARTY-LICENSES'), licensesOf(Object.keys(metafile.inputs)));
}

/** The licence of every package that one of these files belongs to. */
function licensesOf(inputs) {
  const homes = inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  const sections = [...new Set(homes)].sort().map((home) => licenseOf(join(root, home)));
  return ['`ssekit` (dist/cli/index.js) contains these packages.\n', ...sections].join(`\n${'-'.repeat(80)}\n\n`);
}

function licenseOf(home) {
  const { name, version, license } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  const file = readdirSync(home).find((entry) => /^licen[cs]e(\.\w+)?$/i.test(entry));
  if (!license || !file) throw new Failure(`${name} is bundled, but has no licence text to ship: look in ${home}`);
  return `${name} ${version} (${license})\n\n${readFileSync(join(home, file), 'utf8').trim()}\n`;
}
