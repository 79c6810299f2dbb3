/**
 * The only output path of every command. Any text may come from a server or a file. So everything is escaped here and nowhere
 * else, and no caller can forget it. Only ssekit adds colours, and only for people at a terminal.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { WriteStream } from 'node:tty';

import { UNSAFE, unicodeEscape } from '../server/unsafe-text.js';

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

export type Colour = keyof typeof CODES;
export type Paint = (colour: Colour, text: string) => string;

/** Colours a text, or leaves it as it is: https://no-color.org */
export function painter(stream: Pick<WriteStream, 'isTTY'>, env: NodeJS.ProcessEnv = process.env): Paint {
  const colours = stream.isTTY && !env.NO_COLOR && env.TERM !== 'dumb';
  if (!colours) return (_, text) => text;
  return (colour, text) => `${SEAL}${CODES[colour][0]}m${text}${SEAL}${CODES[colour][1]}m`;
}

/**
 * Stands for `ESC [` until the text is printed. It is new in each process and never shown, so no foreign text can contain it.
 */
const SEAL = `<${randomBytes(16).toString('hex')}>`;

/** Prints to the standard output. */
export function say(text: string): void {
  process.stdout.write(`${visible(text)}\n`);
}

/** Prints to the standard error. */
export function tell(text: string): void {
  process.stderr.write(`${visible(text)}\n`);
}

/** Prints a value as JSON; `indent` is the argument of `JSON.stringify`. */
export function sayJson(value: unknown, indent?: number): void {
  process.stdout.write(`${escapedJson(JSON.stringify(value, null, indent))}\n`);
}

/** Prints a JSON text on one line, digit for digit. Throws if the text is not JSON. */
export function sayJsonText(text: string): void {
  JSON.parse(text);
  // JSON can contain these characters only outside of its strings.
  process.stdout.write(`${escapedJson(text.trim().replace(/[\r\n\t]+/g, ' '))}\n`);
}

/** Prints a diff: byte for byte into a pipe for programs, and escaped for people. */
export function sayDiff(diff: string): void {
  if (process.stdout.isTTY) say(diff);
  else process.stdout.write(`${diff}\n`);
}

/** Resolves when the reader of the standard output has caught up, so a slow reader makes nothing pile up here. */
export async function caughtUp(): Promise<void> {
  if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain');
}

/** A text as it is printed: escaped, and with our own colours. */
export function visible(text: string): string {
  return text
    .split(SEAL)
    .map((part, index) => (index === 0 ? printable(part) : coloured(part)))
    .join('');
}

function coloured(part: string): string {
  return `\x1b[${printable(part)}`;
}

/** Escapes everything that could control the terminal. Line ends and tabs stay. */
export function printable(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/** An address without its password and its tickets. Terminals are shared, and their output is pasted into issues. */
export function withoutSecrets(address: string): string {
  return address.replace(/\/\/[^/?#]*@/, '//…@').replace(/([?&](?:ticket|token)=)[^&#]*/gi, '$1…');
}

/** The maximum length of a foreign text within a sentence. */
const MAX_QUOTED = 500;

/** Keeps a foreign text on its line, because a second line could pass for one of ours. */
export function oneLine(text: string, length = MAX_QUOTED): string {
  return printable(shortened(text, length).replaceAll('\n', '\\n').replaceAll('\t', ' '));
}

/** Shortens a text that is too long, and says how much is missing. */
export function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}… (${text.length - length} more characters)`;
}

/** JSON of the same value, without anything that could control a terminal. */
function escapedJson(json: string): string {
  return json.replace(UNSAFE, unicodeEscape);
}

function escaped(character: string): string {
  const code = character.codePointAt(0) as number;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

/** Breaks a paragraph into lines that begin with `indent`; the first begins with `first`. */
export function paragraph(text: string, indent: string, first = indent, width = 100): string {
  const lines: string[] = [];
  let line = first;
  for (const word of text.split(' ')) {
    const isEmpty = line === first || line === indent;
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent + word;
    } else line += isEmpty ? word : ` ${word}`;
  }
  return [...lines, line].join('\n');
}

/** `40 ms`, `1.4 s`, `12 s`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toFixed(milliseconds < 9950 ? 1 : 0)} s`;
}
