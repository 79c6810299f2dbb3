/**
 * Bundles `ts/client` into `dist/client/index.mjs`, and what that loads later into a module beside it. A page can import them as they
 * are, and the rest of the package is CommonJS. What `require` gets, beside them, is compiled with everything else. `ts/react` becomes
 * a module of its own, which imports that of the client.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';

export async function bundleClient() {
  await bundle('client', ['index', 'subscriptions'], loadedLater);
  await bundle('react', ['index'], sharedClient);
}

async function bundle(folder, names, plugin) {
  // Only now, because these scripts also run where nothing is installed yet.
  const [{ build }, { minify }] = await Promise.all([import('esbuild'), import('terser')]);
  await build({
    absWorkingDir: root,
    entryPoints: names.map((name) => `ts/${folder}/${name}.ts`),
    outdir: `dist/${folder}`,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    external: ['react'],
    plugins: [plugin],
    platform: 'neutral',
    // Browsers since 2022, as Next.js supports them.
    target: 'es2022',
    format: 'esm',
    minifySyntax: true,
    logLevel: 'warning',
  });
  // Unlike esbuild, terser inlines a function that is called once, so a small function costs no bytes.
  for (const name of names) {
    const path = join(root, 'dist', folder, `${name}.mjs`);
    const { code } = await minify(readFileSync(path, 'utf8'), {
      module: true,
      ecma: 2022,
      compress: { directives: false },
    });
    writeFileSync(path, code);
  }
  // A module's types have to be those of a module.
  writeFileSync(join(root, 'dist', folder, 'index.d.mts'), "export * from './index.js';\n");
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

/** A page has one client, whether it imports that or the hooks. */
const sharedClient = {
  name: 'shared-client',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.\/client\/index\.js$/ }, () => ({ path: '../client/index.mjs', external: true }));
  },
};
