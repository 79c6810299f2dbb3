/** A listener at a module's top level, in the form that docs/events.md gives, counts once however often the module is loaded. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { Program } from './support/program';

const page = readFileSync(join(__dirname, '..', 'docs', 'events.md'), 'utf8');
const documented = /```ts\n(\/\/ lib\/greeting\.ts\n.*?)\n```/s.exec(page)?.[1] ?? '';
const naive = documented.replace('kept.removeGreeting?.();', '');

const script = (code: string): string =>
  ts.transpile(code, { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 });

const greetings = (code: string, loads: number): Promise<number> =>
  Program.result<number>('module-reloads.cjs', [script(code), String(loads)]);

test('a reload replaces the listener, as documented', async () => {
  expect(await Promise.all([1, 4].map((loads) => greetings(documented, loads)))).toEqual([1, 1]);
});

test('without the documented line, each reload adds a listener', async () => {
  expect(await greetings(naive, 4)).toBe(4);
});
