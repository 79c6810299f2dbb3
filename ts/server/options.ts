/** Options, completed with what only JavaScript knows. Native code knows their names, kinds and bounds, and checks them. */
import type { OptionDescription } from '../../binding.js';
import { completeBackplane } from './backplane.js';
import { argumentError } from './errors.js';

/** The hub's options. Whatever is wrong with them, native code says so. */
export function completeOptions(options: unknown): unknown {
  if (!isObject(options) || !isObject(options.backplane)) return options;
  return { ...options, backplane: completeBackplane(options.backplane) };
}

/** `options` without those that are `undefined`, over those from the environment. */
export function completeFrom(environment: object, options: unknown): object {
  if (!isObject(options)) throw argumentError('options', options, 'an object');
  return { ...environment, ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) };
}

/** The names of options, without those of their groups. */
export function namesOf(options: readonly OptionDescription[]): string[] {
  return [...new Set(options.map(({ name }) => name.split('.', 1)[0] as string))];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
