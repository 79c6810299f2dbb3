/**
 * Bundles `ts/client` into `dist/client/index.mjs`, and what that loads later into modules beside it. A page can import them as they
 * are, and the rest of the package is CommonJS. What `require` gets, beside them, is compiled with everything else. `ts/react` becomes
 * a module of its own, which imports that of the client, and `ts/devtools` one that imports that of the hooks. The script of the worker
 * that tabs share becomes a text, with which a server can answer.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';

export async function bundleClient() {
  const version = await bundleWorker();
  await bundle('client', ['index', 'subscriptions', 'share'], [loadedLater, workerVersion(version)]);
  await bundle('react', ['index'], [sharedClient]);
  await bundle('devtools', ['index', 'nothing'], [sharedHooks]);
  for (const name of ['channels', 'request']) requireLater(join(root, 'dist', 'client', `${name}.js`));
}

/**
 * What `require` gets loads the rest by `require`, too: jest knows no dynamic import, unless Node.js runs with
 * `--experimental-vm-modules`.
 */
function requireLater(path) {
  const text = readFileSync(path, 'utf8');
  const later = text.replaceAll(/\bimport\(('\.\/\w+\.js')\)/g, 'Promise.resolve().then(() => require($1))');
  // tsc leaves alone what it has written before, and then it is done already.
  if (!later.includes('then(() => require(')) throw new Error(`${path} imports nothing on demand`);
  writeFileSync(path, later);
}

async function bundle(folder, names, plugins) {
  // Only now, because these scripts also run where nothing is installed yet.
  const { build } = await import('esbuild');
  await build({
    ...FOR_PAGES,
    entryPoints: names.map((name) => `ts/${folder}/${name}.ts`),
    outdir: `dist/${folder}`,
    outExtension: { '.js': '.mjs' },
    external: ['react'],
    plugins,
    format: 'esm',
  });
  for (const name of names) {
    const path = join(root, 'dist', folder, `${name}.mjs`);
    writeFileSync(path, await minified(readFileSync(path, 'utf8')));
  }
  // A module's types have to be those of a module.
  writeFileSync(join(root, 'dist', folder, 'index.d.mts'), "export * from './index.js';\n");
}

const FOR_PAGES = {
  absWorkingDir: root,
  bundle: true,
  platform: 'neutral',
  // Browsers since 2022, as Next.js supports them.
  target: 'es2022',
  minifySyntax: true,
  // The linter wants the long name.
  define: { 'Number.NaN': 'NaN' },
  logLevel: 'warning',
};

/** Unlike esbuild, terser inlines a function that is called once, so a small function costs no bytes. */
async function minified(text) {
  const { minify } = await import('terser');
  // Functions in one place, and as arrows, compress better.
  const compress = { directives: false, passes: 3, hoist_funs: true, unsafe_arrows: true };
  const { code } = await minify(text, { module: true, ecma: 2022, compress });
  return code;
}

/** Writes the modules that `worker-script.d.ts` and `worker-version.d.ts` declare. Returns the version. */
async function bundleWorker() {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    ...FOR_PAGES,
    entryPoints: ['ts/client/worker/index.ts'],
    format: 'iife',
    write: false,
  });
  const script = await minified(outputFiles[0].text);
  const version = createHash('sha256').update(script).digest('hex').slice(0, 16);
  write('server/worker-script.js', { WORKER_SCRIPT: script, WORKER_VERSION: version });
  write('client/worker-version.js', { WORKER_VERSION: version });
  return version;
}

function write(file, values) {
  const lines = Object.entries(values).map(([name, value]) => `exports.${name} = ${JSON.stringify(value)};`);
  writeFileSync(join(root, 'dist', file), ['"use strict";', ...lines, ''].join('\n'));
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

/** The version is known only once the worker is bundled. */
const workerVersion = (version) => ({
  name: 'worker-version',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\/worker-version\.js$/ }, ({ path }) => ({ path, namespace: 'worker-version' }));
    onLoad({ filter: /.*/, namespace: 'worker-version' }, () => ({
      contents: `export const WORKER_VERSION = ${JSON.stringify(version)};`,
    }));
  },
});

/** Leaves a module to the page, which has it once, whatever imports it. */
const shared = (folder) => ({
  name: `shared-${folder}`,
  setup({ onResolve }) {
    const filter = new RegExp(`^\\.\\./${folder}/index\\.js$`);
    onResolve({ filter }, () => ({ path: `../${folder}/index.mjs`, external: true }));
  },
});

/** A page has one client, whether it imports that or the hooks. */
const sharedClient = shared('client');

/** The devtools are a component among others, so they need the context of the others. */
const sharedHooks = shared('react');
