/** `dist/cli` is one file with its libraries inside: it needs no `node_modules`, and their licences lie beside it. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { AppFolder, removeFolders } from './support/cli-app';

const ROOT = join(__dirname, '..');

let alone: string;
beforeAll(() => {
  alone = mkdtempSync(join(tmpdir(), 'ssekit-cli-alone-'));
  cpSync(join(ROOT, 'dist', 'cli'), join(alone, 'dist', 'cli'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(alone, 'package.json'));
});
afterAll(() => {
  rmSync(alone, { recursive: true, force: true });
  removeFolders();
});

/** The packages that the sources import. */
function libraries(): string[] {
  const folder = join(ROOT, 'ts', 'cli');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  const names = files.flatMap((path) =>
    ts.preProcessFile(readFileSync(join(folder, path), 'utf8')).importedFiles.map(({ fileName }) => fileName),
  );
  return [...new Set(names)].filter((name) => !/^(\.|node:)/.test(name)).sort();
}

test('the bundle runs with nothing beside it', () => {
  const app = new AppFolder().write({
    'next.config.ts': 'export default {};\n',
    'tsconfig.json': '{ /* mine */ "compilerOptions": {}, }',
  });
  const node = (...args: string[]) =>
    execFileSync(process.execPath, [join(alone, 'dist', 'cli', 'index.js'), ...args], { cwd: alone, encoding: 'utf8' });
  expect(node('--version')).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(node('init', app.path, '--dry-run')).toContain('+export default withSSE({});');
  node('init', app.path);
  expect(app.read('next.config.ts')).toContain('withSSE({})');
  expect(app.read('tsconfig.json')).toContain('/* mine */');
});

test('the bundle requires only modules of Node.js', () => {
  const bundle = readFileSync(join(alone, 'dist', 'cli', 'index.js'), 'utf8');
  const required = [...bundle.matchAll(/\brequire\(["']([^"']+)["']\)/g)].map(([, name]) => name as string);
  expect(required.length).toBeGreaterThan(5);
  expect(required.filter((name) => !builtinModules.includes(name.replace(/^node:/, '')))).toEqual([
    // Part of a text that `init` prints.
    'ssekit/next',
  ]);
});

test('every bundled library is pinned, and its licence ships', () => {
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const licenses = readFileSync(join(alone, 'dist', 'cli', 'THIRD-PARTY-LICENSES'), 'utf8');
  expect(libraries()).toEqual(['@babel/parser', 'diff', 'eventsource-parser', 'jsonc-parser']);
  for (const name of libraries()) {
    const home = join(ROOT, 'node_modules', name);
    const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
    expect([name, devDependencies[name]]).toEqual([name, version]);
    const file = readdirSync(home).find((entry) => /^licen[cs]e/i.test(entry)) as string;
    expect(licenses).toContain(`${name} ${version} (`);
    expect(licenses).toContain(readFileSync(join(home, file), 'utf8').trim());
  }
});
