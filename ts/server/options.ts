/** Options, checked and converted to what the addon takes; it checks their bounds. */
import type { SSEOptions } from '../../index';
import { checkBackplane } from './backplane.js';
import { argumentError } from './errors.js';
import { checkNumbers, checkObject } from './validate.js';

const NUMBERS = ['maxEventBytes', 'heartbeatMs', 'retryMs', 'threads', 'timeoutMs', 'presenceGraceMs'];

/** Options that are objects of numbers, by the names of these. */
const GROUPS = {
  history: ['maxEvents', 'maxBytes', 'maxTotalBytes', 'maxAgeMs'],
  maxLag: ['events', 'bytes', 'ms'],
  limits: ['clients', 'clientsPerUser', 'clientsPerAddress'],
  drain: ['windowMs', 'retryMs'],
};

type Group = keyof typeof GROUPS;

/** Options by their names, those of a group with the group's before a dot, as JSON: src/given.rs reads them. */
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
