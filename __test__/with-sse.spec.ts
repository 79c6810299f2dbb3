/** `withSSE` adds to a config what Next.js needs, and changes nothing else. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withSSE } from '../dist/next/with-sse';

const BUILT = join(__dirname, '..', 'dist', 'next', 'index.js');

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** The value of an expression in the folder of an app with this version of Next.js. */
function evaluate(next: string | undefined, expression: string): unknown {
  const folder = mkdtempSync(join(tmpdir(), 'ssekit-with-sse-'));
  folders.push(folder);
  if (next !== undefined) {
    mkdirSync(join(folder, 'node_modules', 'next'), { recursive: true });
    writeFileSync(
      join(folder, 'node_modules', 'next', 'package.json'),
      JSON.stringify({ name: 'next', version: next }),
    );
  }
  const script = `
    const { withSSE } = require(${JSON.stringify(BUILT)});
    Promise.resolve(${expression}).then((value) => console.log(JSON.stringify(value)));`;
  return JSON.parse(execFileSync(process.execPath, ['-e', script], { cwd: folder, encoding: 'utf8' }));
}

const FOR_15 = { serverExternalPackages: ['ssekit'] };
const FOR_14 = { experimental: { instrumentationHook: true, serverComponentsExternalPackages: ['ssekit'] } };

test.each([
  ['16.4.6', FOR_15],
  ['15.0.0-canary.1', FOR_15],
  ['14.2.35', FOR_14],
  [undefined, FOR_15],
])('Next.js %s', (version, expected) => {
  expect(evaluate(version, 'withSSE({})')).toEqual(expected);
});

test('a config of Next.js 14 keeps all it says', () => {
  const config = `{ experimental: { typedRoutes: true, instrumentationHook: false, serverComponentsExternalPackages: ['sharp'] } }`;
  expect(evaluate('14.2.35', `withSSE(${config})`)).toEqual({
    experimental: {
      typedRoutes: true,
      instrumentationHook: false,
      serverComponentsExternalPackages: ['sharp', 'ssekit'],
    },
  });
});

test.each([
  ['an object', '{ basePath: "/a", serverExternalPackages: ["sharp"] }'],
  ['a function', '((phase, { defaultConfig }) => ({ basePath: phase, ...defaultConfig }))'],
  ['an async function', '(async () => ({ basePath: "/a" }))'],
  ['a promise', 'Promise.resolve({ basePath: "/a" })'],
  ['nothing', 'undefined'],
  ['a function that returns nothing', '(() => {})'],
])('%s keeps its kind, and a second call changes nothing', (_, config) => {
  const call =
    'const of = (c) => typeof c === "function" ? c("/phase", { defaultConfig: { trailingSlash: true } }) : c;';
  const once = evaluate('16.4.6', `(() => { ${call} return of(withSSE(${config})); })()`);
  const twice = evaluate('16.4.6', `(() => { ${call} return of(withSSE(withSSE(${config}))); })()`);
  const without = evaluate('16.4.6', `(() => { ${call} return of(${config}) ?? {}; })().then?.((c) => c ?? {}) ?? {}`);
  expect(once).toMatchObject(without as object);
  expect((once as typeof FOR_15).serverExternalPackages).toContain('ssekit');
  expect(twice).toEqual(once);
});

test('a config is copied, not changed', () => {
  const config = Object.freeze({ serverExternalPackages: Object.freeze(['sharp']) as string[] });
  expect(withSSE(config)).toEqual({ serverExternalPackages: ['sharp', 'ssekit'] });
  expect(config).toEqual({ serverExternalPackages: ['sharp'] });
});

test('a value that next.config cannot export is refused', () => {
  expect(() => withSSE('standalone' as unknown as object)).toThrow('config: got "standalone", wants');
  expect(() => withSSE(null as unknown as object)).toThrow(TypeError);
});

test('the result has the type of the config', () => {
  interface NextConfig {
    output?: 'standalone' | 'export';
  }
  const object: NextConfig = withSSE({ output: 'standalone' });
  const given: NextConfig = {};
  const config: NextConfig = withSSE(given);
  const made: (phase: string) => Promise<NextConfig> = withSSE(async (_: string): Promise<NextConfig> => given);
  const empty: { serverExternalPackages?: string[] } = withSSE();
  expect([typeof object, typeof config, typeof made, typeof empty]).toEqual(['object', 'object', 'function', 'object']);
});
