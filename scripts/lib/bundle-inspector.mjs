/**
 * Bundles `ts/inspector` into one HTML file, `page.html` of the crate that serves it, and writes its Content-Security-Policy beside it. Both
 * are committed, because whoever compiles the crate need not have Node.js. The policy names the one style sheet and the one script by their
 * hashes, so nothing else can run in the page.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from './paths.mjs';
import { Failure } from './run.mjs';

const SOURCE = join(root, 'ts', 'inspector');
const TARGET = join(root, 'crates', 'ssekit-inspector', 'src');

/** Writes what is not current, and leaves the rest alone: cargo compiles the crate again after any write. */
export async function bundleInspector() {
  mkdirSync(TARGET, { recursive: true });
  for (const { path, text } of await staleFiles()) writeFileSync(path, text);
}

/** Fails if a committed file is not what would be written. */
export async function checkInspector() {
  const stale = (await staleFiles()).map(({ path }) => relative(root, path));
  if (stale.length > 0) throw new Failure(`Not current: ${stale.join(', ')}. Run \`npm run lint -- --fix\`.`);
}

async function staleFiles() {
  const { page, policy } = await makePage();
  const files = [
    { path: join(TARGET, 'page.html'), text: page },
    { path: join(TARGET, 'page.csp'), text: policy },
  ];
  return files.filter(({ path, text }) => read(path) !== text);
}

function read(path) {
  try {
    return text(path);
  } catch {
    return undefined;
  }
}

/** A checkout may have other line ends, and these bytes must be the same everywhere. */
function text(path) {
  return readFileSync(path, 'utf8').replaceAll('\r\n', '\n');
}

async function makePage() {
  const style = await bundled('page.css');
  const script = await bundled('main.ts');
  // Either would end the element early, or make it end late, and the hash would be that of something else.
  if (/<\/style/i.test(style) || /<\/script|<!--/i.test(script))
    throw new Failure('ts/inspector: text that HTML would read as markup');
  const html = text(join(SOURCE, 'page.html')).replaceAll(/\n\s+/g, '\n');
  const page = filled(filled(html, '<style></style>', style), '<script type="module"></script>', script);
  return { page, policy: policyOf(style, script) };
}

/** Puts the content into an empty element, of which there must be exactly one. */
function filled(html, empty, content) {
  const [before, after, ...more] = html.split(empty);
  if (after === undefined || more.length > 0) throw new Failure(`ts/inspector/page.html: wants one ${empty}`);
  const end = empty.indexOf('</');
  return [before, empty.slice(0, end), content, empty.slice(end), after].join('');
}

async function bundled(entry) {
  // Only now, because these scripts also run where nothing is installed yet.
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [`ts/inspector/${entry}`],
    bundle: true,
    write: false,
    minify: true,
    // Otherwise, letters of foreign scripts in a regular expression would depend on how the page is decoded.
    charset: 'ascii',
    platform: 'neutral',
    target: ['es2022', 'chrome111', 'firefox115', 'safari16.4'],
    format: entry.endsWith('.ts') ? 'esm' : undefined,
    legalComments: 'none',
    logLevel: 'warning',
  });
  return outputFiles[0].text.trim();
}

function policyOf(style, script) {
  return [
    "default-src 'none'",
    `script-src '${hashOf(script)}'`,
    `style-src '${hashOf(style)}'`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}

function hashOf(content) {
  return `sha256-${createHash('sha256').update(content).digest('base64')}`;
}
