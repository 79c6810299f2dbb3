/** Checks options, and converts them to what the addon takes. The addon checks their bounds. */
import type { SSEOptions } from '../../index';
import { checkBackplane } from './backplane.js';
import { argumentError } from './errors.js';
import { checkNumbers, checkObject } from './validate.js';

const NUMBERS = ['maxEventBytes', 'heartbeatMs', 'retryMs', 'threads', 'timeoutMs', 'presenceGraceMs'];

/** Options that are objects of numbers, with the names of the numbers. */
const GROUPS = {
  history: ['maxEvents', 'maxBytes', 'maxTotalBytes', 'maxAgeMs'],
  maxLag: ['events', 'bytes', 'ms'],
  limits: ['clients', 'clientsPerUser', 'clientsPerAddress'],
  drain: ['windowMs', 'retryMs'],
};

type Group = keyof typeof GROUPS;

/** Options by name, as JSON. An option in a group has the group's name and a dot in front. src/given.rs reads this. */
export function toNativeText(options: object): string {
  return JSON.stringify(flat(options));
}

function flat(options: object, group = ''): object {
  const entries = Object.entries(options).map(([name, value]) =>
    typeof value === 'object' && !Array.isArray(value) ? flat(value, `${group}${name}.`) : { [group + name]: value },
  );
  return Object.assign({}, ...entries);
}

export function checkOptions(options: SSEOptions): string {
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
  const native: Record<string, unknown> = checkNumbers('options', numbers, NUMBERS, alsoKnown);
  if (transport !== undefined) native.handoff = transport === 'auto';
  if (drainOnSigterm !== undefined) native.drainOnSigterm = drainOnSigterm;
  if (backplane !== undefined) native.backplane = checkBackplane(backplane);
  for (const [name, group] of Object.entries({ history, maxLag, limits, drain })) {
    if (group !== undefined) native[name] = checkGroup(name as Group, group);
  }
  return toNativeText(native);
}

export function checkDrain(options: unknown = {}): string {
  return toNativeText({ drain: checkNumbers('options', checkObject('options', options), GROUPS.drain) });
}

function checkGroup(name: Group, group: unknown): Record<string, number> {
  return checkNumbers(`options.${name}`, checkObject(`options.${name}`, group), GROUPS[name]);
}
