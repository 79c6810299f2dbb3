/** Reads options by their table, and refuses them in the words of native code. */
import { grouped } from '../../server/errors.js';
import { checkChannelName } from './checks.js';
import { outOfBounds, unfit } from './errors.js';
import { CHANNEL_OPTIONS, type Kind, type Option, type Table } from './option-table.js';

/** Values by name, with those of their groups: `history.maxEvents`. */
export type Values = Map<string, unknown>;

export function readOptions(argument: string, options: unknown, table: Table, group = ''): Values {
  if (!isObject(options)) throw unfit(`${argument}: got ${describe(options)}, wants an object`);
  const values: Values = new Map();
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const found = table.find((one) => one.name === name);
    if (!found) {
      const known = table.map((one) => one.name).join(', ');
      throw unfit(`${argument}.${name}: no such option; known are ${known}`);
    }
    const at = `${argument}.${name}`;
    if ('kind' in found) values.set(`${group}${name}`, checked(at, value, found));
    else for (const [inner, read] of readOptions(at, value, found.options, `${group}${name}.`)) values.set(inner, read);
  }
  return values;
}

/** Every option's value, given or by default. */
export function withDefaults(given: Values, table: Table, group = ''): Values {
  const values: Values = new Map();
  for (const one of table) {
    if ('options' in one)
      for (const [name, value] of withDefaults(given, one.options, `${group}${one.name}.`)) values.set(name, value);
    else values.set(`${group}${one.name}`, given.get(`${group}${one.name}`) ?? defaultOf(one.kind));
  }
  return values;
}

function defaultOf(kind: Kind): unknown {
  if (kind.type === 'channels') return {};
  return kind.type === 'number' ? (kind.default ?? Number.POSITIVE_INFINITY) : kind.default;
}

function checked(at: string, value: unknown, { kind }: Option): unknown {
  if (kind.type === 'channels') return channelKinds(at, value);
  if (kind.type === 'number' && typeof value === 'number') {
    if (Number.isInteger(value) && value >= kind.least && value <= kind.most) return value;
    throw outOfBounds(`${at}: got ${describe(value)}, wants ${wanted(kind)}`);
  }
  const fits =
    (kind.type === 'flag' && typeof value === 'boolean') ||
    (kind.type === 'text' && typeof value === 'string') ||
    (kind.type === 'choice' && kind.names.includes(value as string));
  if (fits) return value;
  throw unfit(`${at}: got ${describe(value, kind.type === 'text' && kind.isSecret)}, wants ${wanted(kind)}`);
}

function channelKinds(at: string, value: unknown): unknown {
  if (!isObject(value)) {
    throw unfit(`${at}: got ${describe(value)}, wants an object of channel names, with the options of each`);
  }
  const kinds = Object.entries(value).map(([pattern, options]) => {
    const name = `options.channels[${JSON.stringify(pattern)}]`;
    const read = readOptions(name, options, CHANNEL_OPTIONS);
    checkChannelName(pattern, name);
    return [pattern, Object.fromEntries(read)];
  });
  return Object.fromEntries(kinds);
}

function wanted(kind: Exclude<Kind, { type: 'channels' }>): string {
  switch (kind.type) {
    case 'flag':
      return 'true or false';
    case 'choice':
      return `'${kind.names[0]}' or '${kind.names[1]}'`;
    case 'number':
      return `an integer from ${grouped(kind.least)} to ${grouped(kind.most)}`;
    case 'text':
      return 'a string';
  }
}

const LONG = 4_096;

/** Shows a value as native code does, which knows more kinds than TypeScript's own messages. */
function describe(value: unknown, isSecret = false): string {
  if (isSecret) return kindOf(value);
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (typeof value !== 'string') return kindOf(value);
  if (Buffer.byteLength(value) > LONG) return `a string of ${grouped([...value].length)} characters`;
  const shown = [...value].slice(0, 40).join('');
  return shown === value ? JSON.stringify(value) : `${JSON.stringify(shown)}…`;
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (ArrayBuffer.isView(value)) return 'a buffer';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}
