/** Options of a publisher, checked and complete. */
import { argumentError, rangeError } from '../server/errors.js';
import type { PublisherOptions, PublishFetch } from './options.js';

export interface Settings {
  url: string;
  token: string;
  fetch: PublishFetch;
  timeoutMs: number;
  retries: number;
}

const KNOWN = ['url', 'token', 'fetch', 'timeoutMs', 'retries'];

export function settingsOf(options: PublisherOptions): Settings {
  if (typeof options !== 'object' || options === null) throw argumentError('options', options, 'an object');
  const unknown = Object.keys(options).find((name) => !KNOWN.includes(name));
  // Its value is not shown: it may be a token under a mistaken name.
  if (unknown !== undefined) {
    throw argumentError(`options.${unknown}`, unknown, `another name; known are ${KNOWN.join(', ')}`);
  }
  const { url, token, fetch, timeoutMs, retries } = options;
  return {
    url: checkUrl(url ?? urlInEnvironment()),
    token: checkToken(token ?? tokenInEnvironment()),
    fetch: checkFetch(fetch),
    timeoutMs: checkNumber('options.timeoutMs', timeoutMs ?? 10_000, 1, 60_000),
    // All attempts together stay well below the ten minutes for which a listener remembers a key.
    retries: checkNumber('options.retries', retries ?? 3, 0, 5),
  };
}

/** Written out, because bundlers replace just this by a value. Not every runtime has a `process`. */
function urlInEnvironment(): string | undefined {
  return typeof process === 'undefined' ? undefined : process.env.SSEKIT_PUBLISH_URL || undefined;
}

function tokenInEnvironment(): string | undefined {
  return typeof process === 'undefined' ? undefined : process.env.SSEKIT_PUBLISH_TOKEN || undefined;
}

function checkUrl(given: unknown): string {
  const wants = 'an http or https URL without user and password, here or in SSEKIT_PUBLISH_URL';
  const url = parse(given);
  if (!url || !/^https?:$/.test(url.protocol)) {
    // Not shown: it may be the token, where the two were mixed up.
    throw argumentError('options.url', typeof given === 'string' ? 'another text' : given, wants);
  }
  // `fetch` refuses such, in a message that shows them.
  if (url.username || url.password) throw argumentError('options.url', `${url.protocol}//…@${url.host}`, wants);
  if (url.pathname === '/') url.pathname = '/publish';
  return url.href;
}

function parse(given: unknown): URL | undefined {
  if (typeof given !== 'string' && !(given instanceof URL)) return undefined;
  try {
    return new URL(given);
  } catch {
    return undefined;
  }
}

/** Checked here, for an error of `fetch`'s about a header shows it. */
function checkToken(token: unknown): string {
  if (typeof token === 'string' && /^[!-~]+$/.test(token)) return token;
  const got = typeof token === 'string' ? 'a string with other characters' : typeof token;
  throw argumentError('options.token', got, 'printable ASCII without spaces, here or in SSEKIT_PUBLISH_TOKEN');
}

function checkFetch(given: unknown): PublishFetch {
  if (typeof given === 'function') return given as PublishFetch;
  if (given !== undefined) throw argumentError('options.fetch', given, 'a function');
  if (typeof fetch !== 'function') throw argumentError('options.fetch', given, 'a function: there is no global fetch');
  // Looked up each time: test libraries and frameworks put their own in its place.
  return (url, init) => fetch(url, init);
}

function checkNumber(argument: string, value: unknown, least: number, most: number): number {
  const wants = `an integer from ${least} to ${most.toLocaleString('en')}`;
  if (typeof value !== 'number') throw argumentError(argument, value, wants);
  if (!Number.isInteger(value) || value < least || value > most) throw rangeError(argument, String(value), wants);
  return value;
}
