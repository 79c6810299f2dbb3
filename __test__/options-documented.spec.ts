/** The declarations and pages say of each option what native code does: its name, its default, its bounds. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as Binding from '../binding';
import type * as Arguments from '../ts/server/arguments';
import { interfaceOf, type ObjectType, objectTypeOf } from './support/declarations';

const { describeOptions }: typeof Binding = require('../binding.js');
const { MOST_BYTES }: typeof Arguments = require('../dist/server/arguments.js');

const read = (file: string): string => readFileSync(join(__dirname, '..', file), 'utf8');

/** To native code, this object is one option. */
const ONE_OPTION = 'publish';

type Documented = [name: string, comment: string];

/** The options of a type and of the types within, each with all that is said about it. */
function documentedIn(type: ObjectType | undefined, group = ''): Documented[] {
  return (type?.properties ?? []).flatMap(({ name, type: inner, comment }): Documented[] => {
    const within = name === ONE_OPTION ? undefined : objectTypeOf(inner);
    return within ? documentedIn(within, `${group}${name}.`) : [[group + name, `${type?.comment} ${comment}`]];
  });
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
  const comments = new Map(documentedIn(interfaceOf(name)));
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
const FROM_ENVIRONMENT = ['redis', 'file', 'ca'];

test('the pages about backplanes state the defaults of their options', () => {
  const rows = ['docs/cluster.md', 'docs/durability.md'].flatMap((page) => {
    const [, table = ''] = /^\| `backplane\.` \| default .*?\n(.*?)\n\n/ms.exec(read(page)) ?? [];
    return table.split('\n');
  });
  const stated = rows.flatMap((row) => {
    const [, names = '', defaults = ''] = row.split('|');
    const texts = defaults.split(/, (?!\d{3})/);
    return [...names.matchAll(/`(\w+)`/g)].map(([, name = ''], index) => [name, texts[index]?.trim()] as const);
  });
  const sizes = new Map([
    ['64 MiB', 64 << 20],
    ['256 MiB', 256 << 20],
  ]);
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
