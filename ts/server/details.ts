/** The details that an application gives of a client, besides its identity. */
import type { ConnectOptions } from '../../index';
import { checkChannel, stringify, wellFormed } from './arguments.js';
import { argumentError } from './errors.js';

/** As native code takes it. */
export interface ConnectDetails {
  channels: string[] | undefined;
  /** JSON text. */
  data: string | undefined;
  /** JSON text. */
  welcome: string | undefined;
  since: string | undefined;
}

export function detailsOf({ channels, data, welcome, since }: ConnectOptions): ConnectDetails {
  return {
    channels: checkChannels(channels),
    data: data === undefined ? undefined : stringify('data', data),
    welcome: welcome === undefined ? undefined : stringify('welcome', welcome),
    since: checkCursor('since', since),
  };
}

/** A cursor. It may come from the page's URL, so native code tells the page, not the caller, if it is unknown. */
export function checkCursor(argument: string, since: unknown): string | undefined {
  return since === undefined || since === null ? undefined : wellFormed(argument, since, 'a cursor, which is a string');
}

function checkChannels(channels: unknown): string[] | undefined {
  if (channels === undefined || channels === null) return undefined;
  if (!Array.isArray(channels)) throw argumentError('channels', channels, 'an array of names');
  // Not `map`, which would skip the holes of an array.
  return Array.from(channels, checkChannel);
}
