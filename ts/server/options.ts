/** Options, checked and converted to what the addon takes; it checks their bounds. */
import type { NativeOptions } from '../../binding.js';
import type { DrainOptions, SSEOptions } from '../../index';
import { checkBackplane } from './backplane.js';
import { argumentError, rangeError } from './errors.js';

const NUMBERS = ['maxEventBytes', 'heartbeatMs', 'retryMs', 'threads', 'timeoutMs', 'presenceGraceMs'];

/** Options that are objects of numbers, by the names of these. */
const GROUPS = {
  history: ['maxEvents', 'maxBytes', 'maxTotalBytes', 'maxAgeMs'],
  maxLag: ['events', 'bytes', 'ms'],
  limits: ['clients', 'clientsPerUser', 'clientsPerAddress'],
  drain: ['windowMs', 'retryMs'],
};

type Group = keyof typeof GROUPS;

const BOUNDS_ARE_NATIVE = 'a non-negative integer';

export function checkOptions(options: SSEOptions): NativeOptions {
  const { transport, drainOnSigterm, backplane, history, maxLag, limits, drain, ...numbers } = checkObject(
    'options',
    options,
  );
  if (transport !== undefined && transport !== 'auto' && transport !== 'stream') {
    throw argumentError('options.transport', transport, "'auto' or 'stream'");
  }
  if (drainOnSigterm !== undefined && typeof drainOnSigterm !== 'boolean') {
    throw argumentError('options.drainOnSigterm', drainOnSigterm, 'true or false');
  }
  const alsoKnown = ['transport', 'drainOnSigterm', 'backplane', ...Object.keys(GROUPS)];
  const native: NativeOptions = checkNumbers('options', numbers, NUMBERS, alsoKnown);
  if (transport !== undefined) native.handoff = transport === 'auto';
  if (drainOnSigterm !== undefined) native.drainOnSigterm = drainOnSigterm;
  if (backplane !== undefined) native.backplane = checkBackplane(backplane);
  for (const [name, group] of Object.entries({ history, maxLag, limits, drain })) {
    if (group !== undefined) native[name as Group] = checkGroup(name as Group, group);
  }
  return native;
}

export function checkDrain(options: unknown = {}): DrainOptions {
  return checkNumbers('options', checkObject('options', options), GROUPS.drain);
}

function checkGroup(name: Group, group: unknown): Record<string, number> {
  return checkNumbers(`options.${name}`, checkObject(`options.${name}`, group), GROUPS[name]);
}

export function checkObject(argument: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw argumentError(argument, value, 'an object');
  return value as Record<string, unknown>;
}

export function checkNumbers(
  argument: string,
  values: Record<string, unknown>,
  known: string[],
  alsoKnown: string[] = [],
): Record<string, number> {
  const numbers: Record<string, number> = {};
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) continue;
    if (!known.includes(name)) {
      const all = [...alsoKnown, ...known].join(', ');
      throw argumentError(`${argument}.${name}`, value, `no such option; known are ${all}`);
    }
    if (typeof value !== 'number') throw argumentError(`${argument}.${name}`, value, BOUNDS_ARE_NATIVE);
    if (!Number.isSafeInteger(value) || value < 0)
      throw rangeError(`${argument}.${name}`, String(value), BOUNDS_ARE_NATIVE);
    numbers[name] = value;
  }
  return numbers;
}
