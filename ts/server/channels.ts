/** The channels of a client that connects. */
import { isWellFormed } from './arguments.js';
import { argumentError } from './errors.js';

/** The names of channels, each once. Native code checks everything that depends on their bytes. */
export function checkChannels(argument: string, channels: unknown): string[] | undefined {
  if (channels === undefined || channels === null) return undefined;
  if (!Array.isArray(channels)) throw argumentError(argument, channels, 'an array of names of channels');
  for (const name of channels) {
    const isText = typeof name === 'string' && isWellFormed(name);
    if (!isText) throw argumentError(argument, name, 'names of 1 to 256 bytes without control characters');
  }
  return [...new Set(channels as string[])];
}
