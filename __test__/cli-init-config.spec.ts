/** `ssekit init` and the many ways to write a `next.config`: the changed config exports the same, plus ssekit. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { wrapConfig } from '../ts/cli/source/next-config';

/** Each of them exports, after a call if it is a function, `{ basePath: '/a' }`. */
const ES_MODULES: [name: string, text: string][] = [
  ['an object', "export default { basePath: '/a' };\n"],
  ['an object over lines, without semicolons', "export default {\n  basePath: '/a',\n}\n"],
  ['a constant', "const nextConfig = { basePath: '/a' };\n\nexport default nextConfig;\n"],
  ['no line end at the end', "const nextConfig = { basePath: '/a' };\nexport default nextConfig"],
  ['Windows’ line ends', "const nextConfig = { basePath: '/a' };\r\nexport default nextConfig;\r\n"],
  [
    'a type',
    "import type { NextConfig } from 'next';\nconst config: NextConfig = { basePath: '/a' };\nexport default config;\n",
  ],
  ['satisfies', "import type { NextConfig } from 'next';\nexport default { basePath: '/a' } satisfies NextConfig;\n"],
  ['as', "export default { basePath: '/a' } as import('next').NextConfig;\n"],
  ['a function', "export default function config(phase) {\n  return { basePath: '/a' };\n}\n"],
  [
    'a nameless async function',
    "export default async function (phase) {\n  return { basePath: '/a' };\n}\nconst after = 1;\n",
  ],
  ['an arrow function', "export default (phase) => ({ basePath: '/a' });\n"],
  [
    'an async arrow function',
    "export default async (phase, { defaultConfig }) => {\n  return { basePath: '/a' };\n};\n",
  ],
  ['a function with types', "export default (phase: string): { basePath: string } => ({ basePath: '/a' });\n"],
  ['a plug-in', "import plugin from './plugin.mjs';\nexport default plugin({ enabled: true })({ basePath: '/a' });\n"],
  [
    'a chain over lines',
    "const make = { with: (o) => ({ get: () => o }) };\nexport default make\n  .with({ basePath: '/a' })\n  .get();\n",
  ],
  ['a promise', "export default Promise.resolve({ basePath: '/a' });\n"],
  [
    'apparent exports in strings and comments',
    '// export default 1\nconst a = `export default $' +
      "{'module.exports = 2'}`;\n/* export default */ export default { basePath: a && '/a' };\n",
  ],
  [
    'regular expressions',
    "const a = /[/'\"`{(]/.test('x') || 6 / 3 / 2;\nexport default { basePath: a ? '/a' : '' };\n",
  ],
  ['a directive', "'use strict';\nexport default { basePath: '/a' };\n"],
  [
    'a comment at the top',
    "// @ts-check\n\n/** @type {import('next').NextConfig} */\nexport default { basePath: '/a' };\n",
  ],
  ['a trailing comment', "export default { basePath: '/a' } // that is all\n"],
  [
    'functions without semicolons',
    "const make = (o) => {\n  return o\n}\nexport default async () => {\n  const o = await make({ basePath: '/a' })\n  return o\n}\n",
  ],
  ['a conditional', "export default process.env.NONE ? {} : { basePath: '/a' };\n"],
];

const COMMONJS: [name: string, text: string][] = [
  ['an object', "module.exports = { basePath: '/a' };\n"],
  [
    'a constant, without semicolons',
    "/** @type {import('next').NextConfig} */\nconst nextConfig = { basePath: '/a' }\n\nmodule.exports = nextConfig\n",
  ],
  ['strict', "'use strict';\n\nmodule.exports = { basePath: '/a' };\n"],
  ['a function', "module.exports = function (phase) {\n  return { basePath: '/a' };\n};\n"],
  ['an async arrow function', "module.exports = async (phase) => {\n  return { basePath: '/a' };\n};\n"],
  [
    'a plug-in that is required',
    "const plugin = require('./plugin.cjs')({});\nmodule.exports = plugin({ basePath: '/a' });\n",
  ],
  [
    'a method on one line, without semicolons',
    "module.exports = {\n  basePath: '/a',\n  async headers() { return [{ source: '/a' }] }\n}\n",
  ],
  [
    'assigned twice, as some wizards do it',
    "module.exports = { basePath: '/a' };\n\nmodule.exports = require('./plugin.cjs')({})(module.exports);\n",
  ],
];

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ssekit-cli-config-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(join(__dirname, '..'), join(folder, 'node_modules', 'ssekit'), 'junction');
  writeFileSync(join(folder, 'plugin.mjs'), 'export default () => (config) => config;\n');
  writeFileSync(join(folder, 'plugin.cjs'), 'module.exports = () => (config) => config;\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The config that Next.js would get from each of these files, all of them in one process. */
function evaluate(files: string[]): unknown[] {
  const script = `
    const given = (config) => (typeof config === 'function' ? config('phase', { defaultConfig: {} }) : config);
    const load = async (file) => given((await import(file)).default);
    Promise.all(${JSON.stringify(files)}.map(load)).then((all) => console.log(JSON.stringify(all)));`;
  return JSON.parse(execFileSync(process.execPath, ['-e', script], { cwd: folder, encoding: 'utf8' }));
}

function changed(text: string): string {
  const outcome = wrapConfig(text);
  if (outcome.kind !== 'changed') throw new Error(`${JSON.stringify(outcome)}: ${text}`);
  return outcome.text;
}

function withoutTypes(text: string): string {
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  return ts.transpileModule(text, { compilerOptions }).outputText;
}

test('a changed config exports what it exported, plus ssekit', () => {
  const texts = [
    ...ES_MODULES.map(([name, text]) => ({ name, text: withoutTypes(changed(text)), ending: 'mjs' })),
    ...COMMONJS.map(([name, text]) => ({ name: `CommonJS: ${name}`, text: changed(text), ending: 'cjs' })),
  ];
  const files = texts.map(({ text, ending }, index) => {
    const file = join(folder, `config-${index}.${ending}`);
    writeFileSync(file, text);
    return file;
  });
  const configs = evaluate(files);
  expect(texts.map(({ name }, index) => [name, configs[index]])).toEqual(
    texts.map(({ name }) => [name, { basePath: '/a', serverExternalPackages: ['ssekit'] }]),
  );
});

test.each([...ES_MODULES, ...COMMONJS])('%s: a second run changes nothing', (_, text) => {
  expect(wrapConfig(changed(text))).toEqual({ kind: 'done' });
});

test.each([...ES_MODULES, ...COMMONJS])('%s: the rest of the text stays', (_, text) => {
  const added = /(import|const) \{ withSSE \}.*(\r?\n)*|withSSE\(/g;
  const kept = (of: string) => of.replaceAll(added, '').replaceAll(/[\s);]/g, '');
  expect(kept(changed(text))).toBe(kept(text));
});

test('added code follows the quotes and semicolons of the rest', () => {
  expect(changed('import a from "a"\n\nconst config = { a }\n\nexport default config\n')).toBe(
    'import a from "a"\nimport { withSSE } from "ssekit/next"\n\nconst config = { a }\n\nexport default withSSE(config)\n',
  );
  expect(changed("'use strict';\r\n\r\nmodule.exports = {};\r\n")).toBe(
    "'use strict';\r\nconst { withSSE } = require('ssekit/next');\r\n\r\nmodule.exports = withSSE({});\r\n",
  );
});

test('odd formatting, comments and quotes stay, byte for byte', () => {
  const before = [
    "import  type {NextConfig}   from 'next' ;\t// types, only",
    'import b from "b"',
    '',
    '/* not : pretty */  const  a={ "x" :1 ,y:[ 2,3 , ],  /* z */ }',
    '\texport   default (  /* inner */ { ...a, ...b } as NextConfig )   /* last */ ;',
    '',
    '',
  ].join('\r\n');
  expect(changed(before)).toBe(
    before
      .replace('from "b"', 'from "b"\r\nimport { withSSE } from "ssekit/next";')
      .replace('(  /* inner */', 'withSSE((  /* inner */')
      .replace('NextConfig )', 'NextConfig ))'),
  );
});

test('the import follows all others and their comments', () => {
  const imports = "import a from './a.json' with { type: 'json' }; // of the team\n";
  expect(changed(`${imports}export default a;\n`)).toBe(
    `${imports}import { withSSE } from 'ssekit/next';\nexport default withSSE(a);\n`,
  );
});

test.each([
  ['nothing', '', 'neither a default export nor module.exports'],
  ['a re-export', "export { default } from './base.mjs';\n", 'neither a default export nor module.exports'],
  ['a class', 'export default class Config {}\n', 'exports a class'],
  ['both kinds', 'export default {};\nmodule.exports = {};\n', 'a default export and module.exports'],
  [
    'an export under a condition',
    'if (process.env.A) module.exports = {};\nelse module.exports = { a: 1 };\n',
    'condition',
  ],
  [
    'an export in a function',
    'function set() { module.exports = {}; }\nset();\nmodule.exports = {};\n',
    'inside a condition, a function or another expression',
  ],
  ['properties one by one', "module.exports.basePath = '/a';\n", 'neither a default export nor module.exports'],
  ['properties besides', "module.exports = {};\nmodule.exports.basePath = '/a';\n", 'properties one by one'],
  ['exports by themselves', "module.exports = {};\nexports.basePath = '/a';\n", 'exports besides module.exports'],
  ['a function that is used elsewhere', 'export default function config() {}\nconfig();\n', 'is used elsewhere'],
  ['a sequence', 'module.exports = {}, {};\n', 'inside a condition, a function or another expression'],
  ['brackets that are not closed', 'export default {\n', 'it cannot be parsed: Unexpected token (2:0)'],
  ['a bracket that closes nothing', 'export default {}\n}\n', 'it cannot be parsed: Unexpected token (2:0)'],
])('%s is refused, with the reason', (_, text, reason) => {
  expect(wrapConfig(text)).toEqual({ kind: 'refused', reason: expect.stringContaining(reason) });
});
