/** Client code that imports the server: it builds, as it does without ssekit knowing, and the page says what to import instead. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';

const ROOT = join(__dirname, '..');
/** The webpack that Next.js builds with. */
const WEBPACK = join(ROOT, 'examples', 'next-app', 'node_modules', 'next', 'dist', 'compiled', 'webpack');

const folder = mkdtempSync(join(tmpdir(), 'ssekit-browser-'));
const { exports: entries } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** Each entry that is of the server alone, and the names that it exports. */
const SERVER = ['ssekit', 'ssekit/next', 'ssekit/node'].map((entry) => ({
  entry,
  names: Object.keys(require(join(ROOT, entries[entry.replace('ssekit', '.')].default))),
}));

beforeAll(() => {
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules', 'ssekit'), 'junction');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(SERVER)('$entry', ({ entry, names }) => {
  const refusal = {
    code: 'ERR_SSEKIT_BROWSER',
    message: expect.stringMatching(
      new RegExp(`^"${entry}" runs on a Node\\.js server only.*ssekit/client.*own file.*ssekit/publish`),
    ),
  };

  test('a page with `import` builds and throws the reason', () => {
    const page = `import { ${names.join(', ')} } from '${entry}';\nglobalThis.used = [${names.join(', ')}];`;
    expect(load(bundle('page.mjs', page))).toMatchObject(refusal);
  });

  test('a page with `require` builds and throws the reason', () => {
    expect(load(bundle('page.cjs', `const { ${names[0]} } = require('${entry}');\n${names[0]};`))).toMatchObject(
      refusal,
    );
  });

  test('a page that imports a hook from a barrel throws the reason', () => {
    writeFileSync(join(folder, 'hook.mjs'), 'export const useEvents = () => [];');
    writeFileSync(join(folder, 'barrel.mjs'), `export * from '${entry}';\nexport { useEvents } from './hook.mjs';`);
    const page = "import { useEvents } from './barrel.mjs';\nglobalThis.used = useEvents;";
    expect(load(bundle('page.mjs', page))).toMatchObject(refusal);
  });

  test('it exports every name of the server', () => {
    const text = readFileSync(join(ROOT, entries[entry.replace('ssekit', '.')].browser), 'utf8');
    for (const name of names) expect(text).toContain(`exports.${name} = `);
  });

  test('Node.js gets the server, by `import` and by `require`', () => {
    const use = `const names = Object.keys(require('${entry}')); import('${entry}').then((module) => console.log(
      JSON.stringify([names, names.every((name) => typeof module[name] === 'function')])))`;
    const { stdout } = spawnSync(process.execPath, ['-e', use], { cwd: folder, encoding: 'utf8' });
    expect(JSON.parse(stdout)).toEqual([names, true]);
  });
});

test('ssekit/publish works in the bundle', () => {
  const page = "import { createPublisher } from 'ssekit/publish';\nglobalThis.used = createPublisher;";
  expect(load(bundle('page.mjs', page))).toBeUndefined();
  expect(entries['./publish']).not.toHaveProperty('browser');
});

/** A page's code, bundled as for a browser. */
function bundle(name: string, page: string): string {
  writeFileSync(join(folder, name), page);
  const config = {
    mode: 'production',
    target: 'web',
    // The minimizer of this webpack is Next.js' own.
    optimization: { minimize: false },
    context: folder,
    entry: `./${name}`,
    output: { path: join(folder, 'out'), filename: 'page.js' },
  };
  const build = `const run = require(${JSON.stringify(WEBPACK)} + '/bundle5.js')().webpack;
  run(${JSON.stringify(config)}, (error, stats) => {
    const problems = error ? [error.stack] : stats.toJson({ all: false, errors: true, warnings: true });
    console.log(JSON.stringify(error ? { errors: problems, warnings: [] } : problems));
  });`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', build], { encoding: 'utf8' });
  expect({ stdout, stderr }).toMatchObject({ stderr: '' });
  expect(JSON.parse(stdout)).toEqual({ errors: [], warnings: [] });
  return readFileSync(join(folder, 'out', 'page.js'), 'utf8');
}

/** Runs it where there is nothing of Node.js, and returns what it threw. */
function load(code: string): unknown {
  try {
    runInNewContext(code, { URL, fetch, setTimeout });
    return undefined;
  } catch (error) {
    return error;
  }
}
