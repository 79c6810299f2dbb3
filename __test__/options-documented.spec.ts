/** The declarations and pages say of each option what native code does: its name, its default, its bounds. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import type * as Binding from '../binding';
import type * as Arguments from '../ts/server/arguments';

const { describeOptions }: typeof Binding = require('../binding.js');
const { MOST_BYTES }: typeof Arguments = require('../dist/server/arguments.js');

const read = (file: string): string => readFileSync(join(__dirname, '..', file), 'utf8');

const interfaces = new Map(
  ['index.d.ts', 'listener.d.ts'].flatMap((file) =>
    ts
      .createSourceFile(file, read(file), ts.ScriptTarget.Latest, true)
      .statements.filter(ts.isInterfaceDeclaration)
      .map((declaration) => [declaration.name.text, declaration] as const),
  ),
);

/** Of a declaration, on one line and without stars. */
function commentOf(node: ts.Node): string {
  const comments = ts.getJSDocCommentsAndTags(node).map((comment) => comment.getText());
  return comments.join(' ').replaceAll(/[\s*]+/g, ' ');
}

/** The options of an interface and of the interfaces within, each with all that is said about it. */
function documentedIn(members: readonly ts.Node[], group = '', about = ''): Map<string, string> {
  const options = new Map<string, string>();
  for (const member of members.filter(ts.isPropertySignature)) {
    const name = group + member.name.getText();
    const comment = `${about} ${commentOf(member)}`;
    for (const [inner, said] of withinOf(member, name)) options.set(inner, said);
    if (withinOf(member, name).size === 0) options.set(name, comment);
  }
  return options;
}

function withinOf({ type }: ts.PropertySignature, name: string): Map<string, string> {
  if (type && ts.isTypeLiteralNode(type)) return documentedIn(type.members, `${name}.`);
  const declaration = type && interfaces.get(type.getText());
  return declaration ? documentedIn(declaration.members, `${name}.`, commentOf(declaration)) : new Map();
}

function documented(name: string): Map<string, string> {
  const options = documentedIn(interfaces.get(name)?.members ?? []);
  // A token alone is one option to native code.
  for (const slot of ['publish', 'metrics']) {
    const said = options.get(`${slot}.token`);
    if (said === undefined) continue;
    options.delete(`${slot}.token`);
    options.set(slot, said);
  }
  return options;
}

/** The default that a comment states as a value, and not in words. */
function defaultIn(comment: string): unknown {
  const [, text, number, flag] = /Default: (?:`'?([^`']+)'?`|([\d,]+)|(true|false)\b)/.exec(comment) ?? [];
  if (number !== undefined) return Number(number.replaceAll(',', ''));
  return flag === undefined ? text : flag === 'true';
}

const written = (number: number): string => (number === 2 ** 40 ? '2^40' : number.toLocaleString('en-US'));

const { hub, listener, ticket } = describeOptions();
const ALL = [
  ['SSEOptions', hub],
  ['ListenOptions', listener],
  ['NewTicket', ticket],
] as const;

/** It depends on the machine. */
const COMPUTED = ['threads'];

describe.each(ALL)('%s', (name, options) => {
  const comments = documented(name);
  const about = (option: string): string => comments.get(option) ?? '';

  test('declares every option of native code and no other', () => {
    expect([...comments.keys()].sort()).toEqual(options.map((option) => option.name).sort());
  });

  test('states every default', () => {
    const stated = options.map((option) => [option.name, defaultIn(about(option.name))]);
    const actual = options.map((option) => [option.name, COMPUTED.includes(option.name) ? undefined : option.default]);
    expect(stated).toEqual(actual);
  });

  test('states every bound', () => {
    const numbers = options.filter(({ most }) => most !== undefined && most < Number.MAX_SAFE_INTEGER);
    const silent = numbers.filter(({ name, least, most }) => {
      return !about(name).includes(`${written(least as number)} to ${written(most as number)}`);
    });
    expect(silent).toEqual([]);
  });
});

/** The environment has their defaults. */
const FROM_ENVIRONMENT = ['redis', 'ca'];

test('the page about clusters states the defaults of its options', () => {
  const [, table = ''] = /^\| `backplane\.` \| default .*?\n(.*?)\n\n/ms.exec(read('docs/cluster.md')) ?? [];
  const stated = table.split('\n').flatMap((row) => {
    const [, names = '', defaults = ''] = row.split('|');
    const texts = defaults.split(/, (?!\d{3})/);
    return [...names.matchAll(/`(\w+)`/g)].map(([, name = ''], index) => [name, texts[index]?.trim()] as const);
  });
  const sizes = new Map([['64 MiB', 64 << 20]]);
  const valueIn = (text = ''): unknown => sizes.get(text) ?? defaultIn(`Default: ${text}`);
  const options = hub.filter(({ name }) => name.startsWith('backplane.'));
  const defaults = options.map(({ name, default: value }) => [name.slice('backplane.'.length), value] as const);
  expect(stated.map(([name]) => name).sort()).toEqual(defaults.map(([name]) => name).sort());
  const known = defaults.filter(([name]) => !FROM_ENVIRONMENT.includes(name));
  const written = stated.filter(([name]) => !FROM_ENVIRONMENT.includes(name));
  expect(Object.fromEntries(written.map(([name, text]) => [name, valueIn(text)]))).toEqual(Object.fromEntries(known));
});

test('publishers without the addon know the largest event that an option allows', () => {
  expect(hub.find(({ name }) => name === 'maxEventBytes')?.most).toBe(MOST_BYTES);
});
