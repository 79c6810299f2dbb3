/** `ssekit init` and imports: the alias in tsconfig.json, and the module that instrumentation loads. */
import { readNextApp } from '../ts/cli/app/next-app';
import { planFor } from '../ts/cli/init/plan';
import type { Step } from '../ts/cli/init/step';
import { loadIn } from '../ts/cli/source/instrumentation';
import { AppFolder, type AppShape, removeFolders } from './support/cli-app';

afterAll(removeFolders);

function steps(app: AppFolder): Record<string, Step> {
  const read = readNextApp(app.path);
  if (typeof read === 'string') throw new Error(read);
  return Object.fromEntries(planFor(read).steps.map((step) => [step.path, step]));
}

function withTsconfig(tsconfig: string, shape?: AppShape, more: Record<string, string> = {}): Record<string, Step> {
  return steps(new AppFolder(shape).write({ 'tsconfig.json': tsconfig, ...more }));
}

/** The alias has to lead to the file that the instrumentation loads. */
const LOADS_BY_ALIAS = expect.stringContaining("await import('@/features/sse')");
const LOADS_RELATIVELY = expect.stringContaining("await import('./features/sse')");

describe('the alias @/features/sse', () => {
  test.each([
    ['there is none', '{ "compilerOptions": {} }', '"paths": { "@/*": ["./*"] }'],
    ['there are no options', '{}', '"compilerOptions": { "paths": { "@/*": ["./*"] } }'],
    [
      'there are others',
      '{\n  "compilerOptions": { "paths": { "~/*": ["./*"] } }\n}',
      '{ "@/*": ["./*"], "~/*": ["./*"] }',
    ],
    [
      'there are comments and commas',
      '// mine\n{\n  "compilerOptions": {\n    // strict\n    "strict": true,\n  },\n}\n',
      '    "paths": { "@/*": ["./*"] },\n    // strict',
    ],
    ['there is a baseUrl', '{ "compilerOptions": { "baseUrl": "lib" } }', '{ "@/*": ["../*"] }'],
  ])('is added where %s, and the rest stays', (_, tsconfig, added) => {
    const found = withTsconfig(tsconfig);
    const { after } = found['tsconfig.json'] as Step;
    expect(after?.replaceAll(/\s+/g, ' ')).toContain(added.replaceAll(/\s+/g, ' '));
    expect(found['features/sse/index.ts']).toMatchObject({ kind: 'create' });
    expect(found['instrumentation.ts']).toMatchObject({ after: LOADS_BY_ALIAS });
  });

  test('keeps comments, commas, byte order mark and line ends', () => {
    const before =
      '\ufeff{\r\n  // "paths": {}\r\n  "compilerOptions": {\r\n\t"strict" :true, /* a */\r\n\t"lib": [ "es2023", ],\r\n  },\r\n}\r\n';
    const { after } = withTsconfig(before)['tsconfig.json'] as Step;
    expect(after).toBe(
      before.replace('"compilerOptions": {', '"compilerOptions": {\r\n\t"paths": { "@/*": ["./*"] },'),
    );
  });

  test('is added to the last of two properties with one name', () => {
    const before = '{ "compilerOptions": {}, "compilerOptions": { "strict": true } }';
    const { after } = withTsconfig(before)['tsconfig.json'] as Step;
    expect(after).toContain('{ "paths": { "@/*": ["./*"] }, "strict": true }');
  });

  test('leads where the app’s paths say', () => {
    const found = withTsconfig('{ "compilerOptions": { "paths": { "@/*": ["./lib/*"] } } }');
    expect(found['lib/features/sse/index.ts']).toMatchObject({ kind: 'create' });
    expect(found['tsconfig.json']).toBeUndefined();
  });

  test('is found in a file that tsconfig.json extends', () => {
    const base = { 'config/base.json': '{ "compilerOptions": { "paths": { "@/*": ["../*"] } } }' };
    const found = withTsconfig('{ "extends": "./config/base.json" }', {}, base);
    expect(found['features/sse/index.ts']).toMatchObject({ kind: 'create' });
    expect(found['tsconfig.json']).toBeUndefined();
  });

  test('is not added if it would replace inherited paths; imports are relative then', () => {
    const base = { 'base.json': '{ "compilerOptions": { "paths": { "~/*": ["./*"] } } }' };
    const found = withTsconfig('{ "extends": "./base.json" }', {}, base);
    expect(found['tsconfig.json']).toMatchObject({ kind: 'refuse', snippet: '"@/*": ["./*"]' });
    expect(found['instrumentation.ts']).toMatchObject({ after: LOADS_RELATIVELY });
  });

  test('is not added to an invalid file', () => {
    const found = withTsconfig('{\n  "compilerOptions": ');
    const say = expect.stringContaining('it is not valid JSON: value expected in line 2.');
    expect(found['tsconfig.json']).toMatchObject({ kind: 'refuse', say });
    expect(found['instrumentation.ts']).toMatchObject({ after: LOADS_RELATIVELY });
  });

  test('goes into a jsconfig.json in a JavaScript app', () => {
    const app = new AppFolder({ base: 'src/', language: 'js' });
    const found = steps(app);
    expect(found['jsconfig.json']).toBeUndefined();
    const bare = new AppFolder().write({ 'package.json': '{ "dependencies": { "next": "16" } }' });
    expect(steps(bare)['tsconfig.json']).toBeUndefined();
  });
});

const LOAD = "if (process.env.NEXT_RUNTIME === 'nodejs') await import('@/features/sse');";

describe('existing instrumentation loads ssekit first', () => {
  test.each([
    [
      'a function with a body',
      'export async function register() {\n  await start();\n}\n',
      `export async function register() {\n  ${LOAD}\n  await start();\n}\n`,
    ],
    ['an empty body', 'export async function register() {}\n', `export async function register() {\n  ${LOAD}\n}\n`],
    [
      'a body on one line',
      'export async function register() { await start(); }\n',
      `export async function register() {\n  ${LOAD}\n   await start(); }\n`,
    ],
    [
      'a type',
      'export async function register(): Promise<void> {\n\tstart();\n}\n',
      `export async function register(): Promise<void> {\n\t${LOAD}\n\tstart();\n}\n`,
    ],
    [
      'only other hooks',
      'export const onRequestError = report;\n',
      `export const onRequestError = report;\n\nexport async function register() {\n  ${LOAD}\n}\n`,
    ],
  ])('%s', (_, before, after) => {
    expect(loadIn(before, '@/features/sse')).toEqual({ kind: 'changed', text: after });
    expect(loadIn(after, '@/features/sse')).toEqual({ kind: 'done' });
  });

  test.each([
    ['a function that cannot wait', 'export function register() {}\n'],
    ['a constant', 'export const register = async () => {};\n'],
    ['a re-export', "export { register } from './otel';\n"],
    ['one that is not exported', 'async function register() {}\n'],
  ])('%s is refused', (_, text) => {
    expect(loadIn(text, '@/features/sse')).toEqual({
      kind: 'refused',
      reason: 'its register is not an exported async function',
    });
  });
});
