/**
 * Bundles `ts/client` into one ES module, `dist/client/index.mjs`: a page can import it as it is, and the rest of the package is
 * CommonJS. What `require` gets, beside it, is compiled with everything else.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';

export async function bundleClient() {
  // Only now, because these scripts also run where nothing is installed yet.
  const { build } = await import('esbuild');
  await build({
    absWorkingDir: root,
    entryPoints: ['ts/client/index.ts'],
    outfile: 'dist/client/index.mjs',
    bundle: true,
    platform: 'neutral',
    // Browsers since 2022, as Next.js supports them.
    target: 'es2022',
    format: 'esm',
    minify: true,
    logLevel: 'warning',
  });
  // A module's types have to be those of a module.
  writeFileSync(join(root, 'dist', 'client', 'index.d.mts'), "export * from './index.js';\n");
}
