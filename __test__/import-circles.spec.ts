/** Lint reports circles of imports, in whatever form Rust and TypeScript write an import. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { killPrograms, Program } from './support/program';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ssekit-imports-'));
});
afterEach(() => rmSync(folder, { recursive: true }));
afterEach(killPrograms);

/** The circles that lint reports, such as `a -> b -> a`. */
async function circles(kind: 'rust' | 'folders', files: Record<string, string>): Promise<string[]> {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const said = await Program.result<string>('import-circles.mjs', [kind, folder]);
  return [...said.matchAll(/: (.* -> .*)/g)].map(([, circle]) => circle as string);
}

const A = 'use crate::b::B;\npub struct A(B);\n';

test.each([
  ['a plain path', 'use crate::a::A;\npub struct B(A);\n'],
  ['a group', 'use crate::a::{A};\npub struct B(A);\n'],
  ['a nested group over several lines', 'use crate::{\n    a::{\n        self, A,\n    },\n};\npub struct B(A);\n'],
  ['a path from the parent', 'use super::a::A;\npub struct B(A);\n'],
  ['an import under another name', 'use crate::a::A as Other;\npub struct B(Other);\n'],
  ['a path within the code', 'pub struct B(crate::a::A);\n'],
  ['a path from the parent within the code', 'pub struct B(super::a::A);\n'],
])('a circle of modules by %s is reported', async (_, b) => {
  expect(await circles('rust', { 'lib.rs': 'mod a;\nmod b;\n', 'a.rs': A, 'b.rs': b })).toEqual(['a -> b -> a']);
});

test.each([
  ['of the crate', 'pub use a::A;\n', 'crate::A'],
  ['for the crate alone', 'pub(crate) use a::A;\n', 'crate::A'],
  ['of a group', 'pub use a::{A};\n', 'crate::A'],
  ['under another name', 'pub use a::A as Other;\n', 'crate::Other'],
  ['of everything', 'pub use a::*;\n', 'crate::A'],
  ['as a private import', 'use a::A;\n', 'super::A'],
])('a circle through a re-export %s is reported', async (_, lib, path) => {
  const files = { 'lib.rs': `mod a;\nmod b;\n${lib}`, 'a.rs': A, 'b.rs': `use ${path};\npub struct B(A);\n` };
  expect(await circles('rust', files)).toContainEqual('a -> b -> a');
});

test('a circle through the file at the root of the crate is reported', async () => {
  const lib = 'mod a;\nmod b;\nuse b::B;\npub struct Root(B);\n';
  const b = 'use super::Root;\npub struct B(Option<Box<Root>>);\n';
  expect(await circles('rust', { 'lib.rs': lib, 'a.rs': '', 'b.rs': b })).toEqual(['b -> crate -> b']);
});

test('a circle of folders is reported although no file is in one', async () => {
  const files = {
    'lib.rs': 'mod a;\nmod b;\n',
    'a/mod.rs': 'mod one;\nmod two;\n',
    'a/one.rs': 'use crate::b::three::Three;\n',
    'a/two.rs': 'pub struct Two;\n',
    'b/mod.rs': 'mod three;\nmod four;\n',
    'b/three.rs': 'pub struct Three;\n',
    'b/four.rs': 'use crate::a::two::Two;\n',
  };
  expect(await circles('rust', files)).toEqual(['a -> b -> a']);
});

test('a module and its own part may name each other', async () => {
  const files = {
    'lib.rs': 'mod a;\n',
    'a/mod.rs': 'mod part;\nuse part::Part;\npub struct A(Part);\n',
    'a/part.rs': 'use super::A;\npub struct Part(Option<Box<A>>);\n',
  };
  expect(await circles('rust', files)).toEqual([]);
});

test('unit tests, comments and declared re-exports are no imports', async () => {
  const files = {
    'lib.rs': 'mod a;\nmod b;\npub use a::A;\n',
    'a.rs': A,
    'b.rs': '/// Like [`crate::a::A`].\npub struct B;\n\n#[cfg(test)]\nmod tests {\n    use crate::A;\n}\n',
  };
  expect(await circles('rust', files)).toEqual([]);
});

test.each([
  ['an import', "import { one } from '../a/one.mjs';\n"],
  ['a type', "import type { One } from '../a/one.mjs';\n"],
  ['a re-export', "export * from '../a/one.mjs';\n"],
  ['an import on demand', "const one = () => import('../a/one.mjs');\n"],
])('a circle of folders by %s is reported', async (_, four) => {
  const files = {
    'a/one.mjs': '',
    'a/two.mjs': "import '../b/three.mjs';\n",
    'b/three.mjs': '',
    'b/four.mjs': four,
  };
  expect(await circles('folders', files)).toEqual(['a -> b -> a']);
});

test('files above and below each other in folders make no circle', async () => {
  const files = {
    'main.ts': "import './commands/run.js';\n",
    'commands/run.ts': "import '../output.js';\n",
    'output.ts': '',
  };
  expect(await circles('folders', files)).toEqual([]);
});
