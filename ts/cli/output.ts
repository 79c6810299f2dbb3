/**
 * The one way out of every command. Whatever it prints may come from a server or a file, so everything is escaped here, where
 * it leaves, and nowhere else: no caller can forget it. Colours are ours alone, and only for people at a terminal.
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

/** Stands for `ESC [` until the text is printed. It is new in each process and never shown, so nobody else can write it. */
const SEAL = `<${randomBytes(16).toString('hex')}>`;

/** Prints to the standard output. */
export function say(text: string): void {
  process.stdout.write(`${visible(text)}\n`);
}

/** Prints to the standard error. */
export function tell(text: string): void {
  process.stderr.write(`${visible(text)}\n`);
}

/** Prints a value as JSON: `indent` is that of `JSON.stringify`. */
export function sayJson(value: unknown, indent?: number): void {
  process.stdout.write(`${escapedJson(JSON.stringify(value, null, indent))}\n`);
}

/** Prints a text that is JSON on one line, digit for digit as it is. Throws if it is none. */
export function sayJsonText(text: string): void {
  JSON.parse(text);
  // Outside of its strings there can be none but these, and inside of them none at all.
  process.stdout.write(`${escapedJson(text.trim().replace(/[\r\n\t]+/g, ' '))}\n`);
}

/** Prints a diff: byte for byte into a pipe, where a program reads it, and escaped where a person does. */
export function sayDiff(diff: string): void {
  if (process.stdout.isTTY) say(diff);
  else process.stdout.write(`${diff}\n`);
}

/** Resolves when the reader of the standard output has caught up, so that a slow one makes nothing pile up here. */
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

/** Text without power over the terminal. Line ends and tabs are left. */
export function printable(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/** The longest text from elsewhere that is printed within a sentence. */
const MAX_QUOTED = 500;

/** Text from elsewhere that has to stay within its line, where another line could pass for one of ours. */
export function oneLine(text: string, length = MAX_QUOTED): string {
  return printable(shortened(text, length).replaceAll('\n', '\\n').replaceAll('\t', ' '));
}

/** The beginning of a text that is too long, and how much of it is missing. */
export function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}… (${text.length - length} more characters)`;
}

/** JSON of the same value, in which nothing has power over a terminal. */
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
