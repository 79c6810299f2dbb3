/** Parses and checks the command line. */
import { type ParseArgsConfig, parseArgs } from 'node:util';

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
    // The rest of Node's message explains how to write a file name that begins with a dash.
    throw new UsageError((error as Error).message.split('. ', 1)[0]);
  }
}

/** The one positional argument, if there is one. */
export function atMostOne(what: string, positionals: string[]): string | undefined {
  if (positionals.length > 1)
    throw new UsageError(`Expected one ${what}, got ${positionals.length}: ${positionals.join(' ')}`);
  return positionals[0];
}

/** `localhost:3000/api/sse` is short for `http://localhost:3000/api/sse`. */
export function parseUrl(text: string): URL {
  const full = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new UsageError(`URL: expected one with http or https, got ${text}`);
  return url;
}

/** `--header 'Name: value'`, any number of times, as in curl. */
export function parseHeaders(lines: string[] = []): Record<string, string> {
  return Object.fromEntries(lines.map(parseHeader));
}

function parseHeader(line: string): [name: string, value: string] {
  const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
  if (!name || value === undefined || /[^\t\x20-\x7e\x80-\xff]/.test(value)) {
    throw new UsageError(`--header: expected 'Name: value', got ${JSON.stringify(line)}`);
  }
  return [name.toLowerCase(), value];
}

/** One day. With a much longer delay, a Node.js timer would fire at once. */
const MAX_SECONDS = 86_400;

export function parseSeconds(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || seconds > MAX_SECONDS)
    throw new UsageError(`${option}: expected seconds, at most ${MAX_SECONDS}, got ${text}`);
  return seconds;
}
