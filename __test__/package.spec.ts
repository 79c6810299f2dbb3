/** The packages as they would be published, and what becomes of somebody for whom there is no binary. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';

const ROOT = join(__dirname, '..');
const PACKAGES = join(ROOT, 'packages');
const RELEASE = join(PACKAGES, 'release');
const MEGABYTE = 1_000_000;

const folder = mkdtempSync(join(tmpdir(), 'ssekit-package-'));
/** The folder where npm would put the main package, alone. */
const main = join(folder, 'node_modules', 'ssekit');
const platform = join(folder, 'platform');
let tarball: string;

beforeAll(() => {
  run(process.execPath, [join(ROOT, 'scripts', 'pack.mjs'), '--built']);
  const [first, second] = readdirSync(RELEASE).sort((a, b) => a.length - b.length);
  tarball = join(RELEASE, first as string);
  unpack(tarball, main);
  unpack(join(RELEASE, second as string), platform);
}, 240_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the packages', () => {
  test('contain nothing that a user does not need', () => {
    const needed = [
      /^(index\.js|index\.d\.ts|listener\.d\.ts|binding\.js)$/,
      /^dist\/(?!cli\/)([\w-]+\/)+[\w-]+\.js$/,
      // For pages, which have only ES modules.
      /^dist\/(client|react|devtools)\/index\.(mjs|d\.mts)$/,
      /^dist\/devtools\/nothing\.(mjs|d\.mts)$/,
      /^dist\/client\/(subscriptions|share)\.mjs$/,
      // vitest is an ES module only.
      /^dist\/testing\/vitest\.(mjs|d\.mts)$/,
      // The command line is one file, with what is bundled into it.
      /^dist\/cli\/(index\.js|THIRD-PARTY-LICENSES)$/,
      // Types of what can be imported, and of nothing else.
      /^dist\/(?!(browser|cli|server)\/)\w+\/([\w-]+\/)*[\w-]+\.d\.ts$/,
      // What `ssekit/node` takes.
      /^dist\/server\/exchange\.d\.ts$/,
      // For a build from source.
      /^(Cargo\.(toml|lock)|build\.rs|src\/[\w/]+\.rs|crates\/[\w-]+\/(Cargo\.toml|src\/[\w/]+\.rs|src\/openapi\.json|src\/page\.(html|csp)))$/,
      /^scripts\/install\.cjs$/,
      // The targets of llms.txt.
      /^(README|CHANGELOG|docs\/[\w-]+)\.md$/,
      /^docs\/[\w-]+\.json$/,
      /^(LICENSE-MIT|LICENSE-APACHE|THIRD-PARTY-LICENSES|llms\.txt|package\.json)$/,
    ];
    expect(filesIn(main).filter((file) => !needed.some((pattern) => pattern.test(file)))).toEqual([]);
  });

  test('contain what a user needs', () => {
    const entries = [
      'index.js',
      'index.d.ts',
      'binding.js',
      'dist/next/index.js',
      'dist/node/index.js',
      'dist/publish/index.js',
      'dist/client/index.mjs',
      'dist/react/index.mjs',
      'dist/cli/index.js',
      'dist/cli/THIRD-PARTY-LICENSES',
      'README.md',
    ];
    const licenses = ['LICENSE-MIT', 'LICENSE-APACHE', 'THIRD-PARTY-LICENSES'];
    expect(filesIn(main)).toEqual(expect.arrayContaining([...entries, ...licenses, 'Cargo.lock']));
  });

  test('publish a package.json without development fields', () => {
    const manifest = JSON.parse(readFileSync(join(main, 'package.json'), 'utf8'));
    // pnpm fails on a package with an install script that nobody has approved.
    expect(manifest).not.toHaveProperty('scripts');
    expect(manifest).not.toHaveProperty('devDependencies');
    expect(manifest).not.toHaveProperty('dependencies');
    expect(Object.keys(manifest.optionalDependencies)).toHaveLength(8);
  });

  test('give a platform its binary, a manifest, a README and the licences', () => {
    const binaries = filesIn(platform).filter((file) => file.endsWith('.node'));
    expect(binaries).toHaveLength(1);
    expect(filesIn(platform).sort()).toEqual(
      ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'THIRD-PARTY-LICENSES', 'package.json', ...binaries].sort(),
    );
  });

  test('contain every page that llms.txt names', () => {
    const links = [...readFileSync(join(main, 'llms.txt'), 'utf8').matchAll(/\]\(([\w/.-]+)\)/g)];
    expect(links.length).toBeGreaterThan(10);
    expect(filesIn(main)).toEqual(expect.arrayContaining(links.map(([, path]) => path)));
  });

  test('have the size that the README states', () => {
    const size = (of: string): number => filesIn(of).reduce((sum, file) => sum + statSync(join(of, file)).size, 0);
    expect(size(main)).toBeLessThan(3.5 * MEGABYTE);
    // `scripts/check-binary.mjs` allows 8 MB for the addon itself. The rest is licences.
    expect(size(platform)).toBeLessThan(8.25 * MEGABYTE);
    // The README says nothing of other platforms.
    if (process.platform !== 'linux' || process.arch !== 'x64') return;
    const said = [...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/([\d.]+) MB (?:unpacked|on Linux)/g)];
    for (const [index, home] of [main, platform].entries()) {
      expect([home, Math.abs(Number(said[index]?.[1]) / (size(home) / MEGABYTE) - 1) < 0.2]).toEqual([home, true]);
    }
  });

  test('contain a binary without symbols', () => {
    const [binary] = filesIn(platform).filter((file) => file.endsWith('.node'));
    const bytes = readFileSync(join(platform, binary as string));
    // Only Linux' format is read here; the profile that strips is the same for all.
    if (process.platform === 'linux') expect(sectionTypes(bytes)).not.toContain(SYMBOL_TABLE);
  });

  test('contain a binary that names no folder of its build machine', () => {
    const [binary] = filesIn(platform).filter((file) => file.endsWith('.node'));
    const bytes = readFileSync(join(platform, binary as string));
    // It does name sources: otherwise nothing would be proven.
    expect(bytes.includes('src/')).toBe(true);
    const folders = [ROOT, homedir(), process.env.CARGO_HOME ?? join(homedir(), '.cargo')];
    expect(folders.filter((each) => bytes.includes(`${each}/`) || bytes.includes(`${each}\\`))).toEqual([]);
  });
});

describe('the one tarball that installs anywhere', () => {
  const whole = join(folder, 'whole');
  beforeAll(() => unpack(join(PACKAGES, basename(tarball)), whole));

  test('contains the release and the binary of this platform', () => {
    const binaries = filesIn(platform).filter((file) => file.endsWith('.node'));
    expect(filesIn(whole).sort()).toEqual([...filesIn(main), ...binaries].sort());
  });

  test('needs no registry and runs no script', () => {
    const manifest = JSON.parse(readFileSync(join(whole, 'package.json'), 'utf8'));
    for (const field of ['scripts', 'optionalDependencies', 'dependencies', 'devDependencies', 'bundleDependencies'])
      expect(manifest).not.toHaveProperty(field);
  });
});

describe('types and entries', () => {
  test('every file that the types refer to exists', () => {
    for (const file of filesIn(main).filter((name) => name.endsWith('.d.ts'))) {
      const text = readFileSync(join(main, file), 'utf8');
      const targets = [...text.matchAll(/(?:from|import\() ?'(\.[^']+)'/g)].map(([, path = '']) => path);
      const declarations = targets.map((path) => join(main, dirname(file), `${path.replace(/\.js$/, '')}.d.ts`));
      expect([file, declarations.filter((path) => !existsSync(path))]).toEqual([file, []]);
    }
  });

  test('arethetypeswrong resolves them for every kind of resolution', () => {
    // vitest is an ES module only, so what imports it is one, too.
    const only = ['--exclude-entrypoints', './testing/vitest'];
    run(process.execPath, [program('@arethetypeswrong/cli', 'attw'), tarball, '--profile', 'strict', ...only]);
  });

  test('publint reports nothing', () => {
    run(process.execPath, [program('publint', 'publint'), tarball, '--strict']);
  });

  test('only the documented entries can be imported', () => {
    const { exports } = JSON.parse(readFileSync(join(main, 'package.json'), 'utf8'));
    expect(Object.keys(exports)).toEqual([
      '.',
      './next',
      './node',
      './publish',
      './client',
      './react',
      './devtools',
      './testing',
      './testing/setup',
      './testing/jest',
      './testing/jest-globals',
      './testing/vitest',
      './package.json',
    ]);
  });
});

describe('where no binary fits and there is no Rust', () => {
  const platformName = `${process.platform} ${process.arch}`;

  test('the installation succeeds, and says once what is missing', () => {
    const { status, stdout, stderr } = node([join(main, 'scripts', 'install.cjs')]);
    expect(status).toBe(0);
    expect(stdout).toBe('');
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(new RegExp(`^ssekit: .*${platformName}.*rustup.*npx ssekit build`)),
    ]);
  });

  test('importing it throws nothing', () => {
    const { status, stderr } = node([
      '-e',
      "require('ssekit').SSEService.getInstance(); require('ssekit/node'); require('ssekit/next').withSSE({})",
    ]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  test('first use throws ERR_SSEKIT_BINARY, with the platform and the remedy', () => {
    const use = "try { require('ssekit').SSEService.getInstance().getActiveClients() } catch (error) {";
    const tell = 'console.log(JSON.stringify({ code: error.code, message: error.message })) }';
    const { code, message } = JSON.parse(node(['-e', use + tell]).stdout);
    expect(code).toBe('ERR_SSEKIT_BINARY');
    for (const part of [platformName, 'rustup.rs', 'npx ssekit build', 'withSSE']) expect(message).toContain(part);
  });
});

/** Runs Node.js beside the main package, with an empty PATH. */
function node(args: string[]) {
  const empty = join(folder, 'empty');
  mkdirSync(empty, { recursive: true });
  const { PATH: _, Path: __, NODE_PATH: ___, ...env } = process.env;
  return spawnSync(process.execPath, args, {
    cwd: folder,
    env: { ...env, PATH: empty } as NodeJS.ProcessEnv,
    encoding: 'utf8',
  });
}

function run(file: string, args: string[]): void {
  const { status, stdout, stderr } = spawnSync(file, args, { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
}

/** The script of a command that a package has. */
function program(name: string, command: string): string {
  const home = join(ROOT, 'node_modules', name);
  const { bin } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  return join(home, typeof bin === 'string' ? bin : bin[command]);
}

function unpack(archive: string, to: string): void {
  mkdirSync(to, { recursive: true });
  run('tar', ['-xzf', archive, '-C', to, '--strip-components=1']);
}

function filesIn(home: string): string[] {
  return readdirSync(home, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(home, join(entry.parentPath ?? entry.path, entry.name)).replaceAll('\\', '/'));
}

const SYMBOL_TABLE = 2;

/** The types of the sections of a 64-bit little-endian ELF file. */
function sectionTypes(bytes: Buffer): number[] {
  const start = Number(bytes.readBigUInt64LE(0x28));
  const [size, count] = [bytes.readUInt16LE(0x3a), bytes.readUInt16LE(0x3c)];
  return Array.from({ length: count }, (_, index) => bytes.readUInt32LE(start + index * size + 4));
}
