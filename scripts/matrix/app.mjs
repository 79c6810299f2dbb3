/** A user's app, as small as can be, with the two tarballs installed. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import ts from 'typescript';
import { example } from '../lib/paths.mjs';
import { Failure } from '../lib/run.mjs';
import { LINES, NODE_TYPES, TYPESCRIPT } from './lines.mjs';
import { command } from './process.mjs';
import { pnpmScript } from './tools.mjs';

/** Somewhere outside of the checkout, so that nothing of that can be found from the apps. */
export function makeWorkspace(packages) {
  const workspace = mkdtempSync(join(tmpdir(), 'ssekit-matrix-'));
  cpSync(packages, join(workspace, 'packages'), { recursive: true });
  if (tarballs(workspace).length !== 2) throw new Failure(`wants two tarballs in ${packages}: run npm run pack`);
  return workspace;
}

/** The tarballs, that of ssekit itself first. */
export function tarballs(workspace) {
  const folder = join(workspace, 'packages');
  const names = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  return names.sort((a, b) => a.length - b.length).map((name) => join(folder, name));
}

/** Installs the tarballs, and what else package.json names, with a user's own command. */
export async function install(log, workspace, folder, manager) {
  const [main, platform] = tarballs(workspace);
  if (manager === 'npm') return await npmInstall(log, folder, main, platform);
  // pnpm looks for optional dependencies in the registry only, where the platform's package is not yet.
  const name = basename(platform).replace(/-\d+\.\d+\.\d+\.tgz$/, '');
  writeFileSync(join(folder, 'pnpm-workspace.yaml'), `overrides:\n  ${name}: 'file:${platform}'\n`);
  await command(log, process.execPath, [await pnpmScript(), 'add', main], { cwd: folder });
}

/** Installs ssekit without a package for this platform, so that it is built from source. */
export async function installSource(log, workspace, folder) {
  await npmInstall(log, folder, '--omit=optional', tarballs(workspace)[0]);
  // Cargo takes its time on a machine with other things to do.
  await command(log, 'npx', ['--no', '--', 'ssekit', 'build'], { cwd: folder, minutes: 15 });
}

async function npmInstall(log, folder, ...args) {
  // A registry that is slow to answer is no fault of the package.
  await command(log, 'npm', ['install', '--no-audit', '--no-fund', '--fetch-retries=5', ...args], {
    cwd: folder,
    minutes: 10,
  });
}

/** A Next.js app with the guide's snippets in it, before ssekit is set up. */
export function writeApp(folder, line) {
  const { next, react, reactTypes, reactDomTypes } = LINES[line];
  write(folder, {
    'package.json': json({
      name: 'app',
      private: true,
      dependencies: { next, react, 'react-dom': react },
      devDependencies: {
        '@types/node': NODE_TYPES,
        '@types/react': reactTypes,
        '@types/react-dom': reactDomTypes,
        typescript: TYPESCRIPT,
      },
    }),
    'tsconfig.json': json(TSCONFIG),
    'app/layout.tsx': `
      export default function Layout({ children }: { children: React.ReactNode }) {
        return <html lang="en"><body>{children}</body></html>;
      }`,
    'app/page.tsx': `
      export default function Page() {
        return <main>Hello</main>;
      }`,
  });
  writeSnippets(folder);
}

const TYPESCRIPT_APP = { language: 'ts', base: '' };

/** The guide's snippets as they stand, what they take for granted, and routes that call them and tell what came of it. */
export function writeSnippets(folder, app = TYPESCRIPT_APP) {
  for (const file of ['lib/notifications.ts', 'lib/jobs/process-order.ts', 'app/api/webhooks/payment/route.ts']) {
    writeSource(folder, app, file, readFileSync(join(example, file), 'utf8'));
  }
  for (const [file, text] of Object.entries(AROUND_SNIPPETS)) writeSource(folder, app, file, text);
}

const AROUND_SNIPPETS = {
  // POST, which no version of Next.js answers from a cache.
  'app/api/state/route.ts': `
    import { SSEService } from '@/features/sse';
    export function POST() {
      return Response.json(SSEService.getInstance().stats());
    }`,
  'lib/jobs/process-order-logic.ts': `
    export async function processOrderLogic(orderId: string) {
      if (!orderId) throw new Error('no such order');
    }`,
  'app/api/orders/route.ts': `
    import { processOrder } from '@/lib/jobs/process-order';
    export async function POST(request: Request) {
      const { orderId, userId } = await request.json();
      await processOrder(orderId, userId);
      return Response.json({ done: true });
    }`,
};

/** Writes a TypeScript source into an app; into one in JavaScript, without its types. */
export function writeSource(folder, { language, base }, path, text) {
  if (language === 'ts') return write(join(folder, base), { [path]: text });
  const { outputText } = ts.transpileModule(text, {
    fileName: path,
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, jsx: ts.JsxEmit.Preserve },
  });
  write(join(folder, base), { [path.replace(/tsx?$/, 'js')]: outputText });
}

/** Runs `ssekit init`, and fills in the one place that it leaves to the user: `identify`. */
export async function setUp(log, folder, { language, base } = TYPESCRIPT_APP) {
  await command(log, 'npx', ['--no', 'ssekit', 'init'], { cwd: folder });
  const route = join(folder, base, 'app', 'api', 'sse', `route.${language}`);
  const text = readFileSync(route, 'utf8');
  const place = "return process.env.NODE_ENV === 'development' ? 'demo' : null;";
  if (!text.includes(place)) throw new Failure(`${route} has no \`${place}\` to be filled in`);
  const filled = text.replace(place, "return (await cookies()).get('user')?.value ?? null;");
  writeFileSync(route, `import { cookies } from 'next/headers';\n${filled}`);
}

export function writeConfig(folder, { mode, config = 'withSSE' }) {
  const settings = mode === 'standalone' ? "{ output: 'standalone' }" : '{}';
  const text =
    config === 'none'
      ? `export default ${settings};`
      : `import { withSSE } from 'ssekit/next';\nexport default withSSE(${settings});`;
  write(folder, { 'next.config.mjs': text });
}

export function write(folder, files) {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), `${text.replace(/^\n/, '')}\n`);
  }
}

export function json(value) {
  return JSON.stringify(value, null, 2);
}

/** That of create-next-app; the guide's `error.message` needs the one exception from `strict`. */
const TSCONFIG = {
  compilerOptions: {
    target: 'ES2017',
    lib: ['dom', 'dom.iterable', 'esnext'],
    strict: true,
    useUnknownInCatchVariables: false,
    skipLibCheck: true,
    noEmit: true,
    esModuleInterop: true,
    module: 'esnext',
    moduleResolution: 'bundler',
    resolveJsonModule: true,
    isolatedModules: true,
    jsx: 'preserve',
    plugins: [{ name: 'next' }],
    paths: { '@/*': ['./*'] },
  },
  include: ['next-env.d.ts', '**/*.ts', '**/*.tsx', '.next/types/**/*.ts'],
  exclude: ['node_modules'],
};
