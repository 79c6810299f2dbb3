/** Parses and checks the command line. */
import { type ParseArgsConfig, parseArgs } from 'node:util';

import { withoutSecrets } from './output.js';

/** The exit codes of every command. */
export const EXIT = {
  ok: 0,
  /** The command ran, but something is left to do by hand. */
  problems: 1,
  /** The command could not run: wrong usage, or nothing to work on. */
  cannotRun: 2,
} as const;

/** Wrong usage. The user gets the message and a pointer to the help. */
export class UsageError extends Error {}

/** A command cannot continue. The message gives the full reason. */
export class CannotRun extends Error {}

export function parseUsage<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    if (!String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS_')) throw error;
    throw usageError(error as NodeJS.ErrnoException, Object.keys(config.options ?? {}));
  }
}

/** Node's errors in our own form. Their codes tell them apart, but only their texts name the option. */
function usageError({ code, message }: NodeJS.ErrnoException, known: string[]): UsageError {
  const [, quoted = ''] = /'([^']*)'/.exec(message) ?? [];
  const option = /--?[^ ,=<]+/.exec(quoted)?.[0] ?? quoted;
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const names = known.map((name) => `--${name}`).join(', ');
    return new UsageError(`${option}: no such option; ${names ? `known are ${names}` : 'there are none'}`);
  }
  if (code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL') {
    return new UsageError(`arguments: got ${JSON.stringify(quoted)}, wants none`);
  }
  return new UsageError(
    / not take /.test(message) ? `${option}: got a value, wants none` : `${option}: got no value, wants one`,
  );
}

/** The one positional argument, if there is one. */
export function atMostOne(what: string, positionals: string[]): string | undefined {
  if (positionals.length > 1)
    throw new UsageError(
      `${what}: got ${positionals.length} (${positionals.map(withoutSecrets).join(' ')}), wants one`,
    );
  return positionals[0];
}

/** `localhost:3000/api/sse` is short for `http://localhost:3000/api/sse`. */
export function parseUrl(text: string): URL {
  const full = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new UsageError(`URL: got ${withoutSecrets(text)}, wants one with http or https`);
  return url;
}

/** `--header 'Name: value'`, any number of times, as in curl. */
export function parseHeaders(lines: string[] = []): Record<string, string> {
  return Object.fromEntries(lines.map(parseHeader));
}

function parseHeader(line: string): [name: string, value: string] {
  const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
  if (!name || value === undefined) {
    // The text may be a cookie or a token whose name was forgotten.
    throw new UsageError(`--header: got text of another form, wants 'Name: value' in one line`);
  }
  if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) {
    throw new UsageError(`--header: got a value with a character that HTTP does not allow, wants text in Latin-1`);
  }
  return [name.toLowerCase(), value];
}

/** One day. With a much longer delay, a Node.js timer would fire at once. */
const MAX_SECONDS = 86_400;

export function parseSeconds(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || seconds > MAX_SECONDS)
    throw new UsageError(
      `${option}: got ${JSON.stringify(text)}, wants seconds, at most ${MAX_SECONDS.toLocaleString('en')}`,
    );
  return seconds;
}
