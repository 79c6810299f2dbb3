/**
 * Bundles `ts/client` into `dist/client/index.mjs`, and what that loads later into a module beside it. A page can import them as they
 * are, and the rest of the package is CommonJS. What `require` gets, beside them, is compiled with everything else.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';

export async function bundleClient() {
  // Only now, because these scripts also run where nothing is installed yet.
  const { build } = await import('esbuild');
  await build({
    absWorkingDir: root,
    entryPoints: ['ts/client/index.ts', 'ts/client/subscriptions.ts'],
    outdir: 'dist/client',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    plugins: [loadedLater],
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

/** Keeps what is imported later out of the bundle. What both need is so small that each has its own. */
const loadedLater = {
  name: 'loaded-later',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/.*\.js$/ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path: path.replace(/\.js$/, '.mjs'), external: true } : undefined,
    );
  },
};
