/** The checked and completed options of a publisher. */
import { checkNumber } from '../server/arguments.js';
import { argumentError, unfitArgument, unknownOption } from '../server/errors.js';
import { checkTracing, hasTracer } from '../server/opentelemetry.js';
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
  // The message does not show its value, which may be a token under a wrong name.
  if (unknown !== undefined) {
    throw unknownOption(`options.${unknown}`, KNOWN);
  }
  // Otherwise nothing reads the environment: Deno may not, or asks the user.
  if (hasTracer()) checkTracing();
  const { url, token, fetch, timeoutMs, retries } = options;
  return {
    url: checkUrl(url ?? urlInEnvironment()),
    token: checkToken(token ?? tokenInEnvironment()),
    fetch: checkFetch(fetch),
    timeoutMs: checkNumber('options.timeoutMs', timeoutMs ?? 10_000, 1, 60_000),
    // All attempts together take far less than the ten minutes for which a listener remembers a key.
    retries: checkNumber('options.retries', retries ?? 3, 0, 5),
  };
}

/** `process.env.…` is written out, because bundlers replace exactly this by a value. Not every runtime has a `process`. */
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
    // The message does not show the text: it may be the token, if the caller mixed up the two.
    if (typeof given === 'string') throw unfitArgument('options.url', 'text that is not such a URL', wants);
    throw argumentError('options.url', given, wants);
  }
  // `fetch` refuses such URLs, in a message that shows user and password.
  if (url.username || url.password) throw unfitArgument('options.url', `${url.protocol}//…@${url.host}`, wants);
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

/** Checks the token here, because `fetch` shows it in its errors about headers. */
function checkToken(token: unknown): string {
  if (typeof token === 'string' && /^[!-~]+$/.test(token)) return token;
  const got = typeof token === 'string' ? 'a string with other characters' : `a value of the type ${typeof token}`;
  const wants = 'printable ASCII characters without spaces, here or in SSEKIT_PUBLISH_TOKEN';
  throw unfitArgument('options.token', token === undefined ? 'none' : got, wants);
}

function checkFetch(given: unknown): PublishFetch {
  if (typeof given === 'function') return given as PublishFetch;
  if (given !== undefined) throw argumentError('options.fetch', given, 'a function');
  if (typeof fetch !== 'function') throw argumentError('options.fetch', given, 'a function: there is no global fetch');
  // The global is looked up each time, because test libraries and frameworks replace it.
  return (url, init) => fetch(url, init);
}
