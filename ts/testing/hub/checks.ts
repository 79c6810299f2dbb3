/** The checks that native code makes, because they depend on bytes. */

import { HEADER_TEXT } from '../../server/arguments.js';
import { grouped } from '../../server/errors.js';
import { outOfBounds, unfit } from './errors.js';

export const RESERVED_PREFIX = 'ssekit:';

const MOST_TEXT = 256;

export function checkLength(argument: string, text: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes === 0) throw unfit(`${argument}: got an empty string, wants 1 to ${MOST_TEXT} bytes`);
  if (bytes > MOST_TEXT) throw unfit(`${argument}: got ${grouped(bytes)} bytes, wants 1 to ${MOST_TEXT}`);
}

export function checkNoControl(argument: string, text: string): void {
  const [control] = /\p{Cc}/u.exec(text) ?? [];
  if (control === undefined) return;
  const name = control.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
  throw unfit(`${argument}: got the control character U+${name}, wants a name without control characters`);
}

export function checkNotReserved(argument: string, text: string): void {
  if (!text.startsWith(RESERVED_PREFIX)) return;
  throw unfit(
    `${argument}: got text that begins with \`${RESERVED_PREFIX}\`, wants another beginning, because this one is reserved for ssekit`,
  );
}

/** Text that must travel in an HTTP header unharmed. */
export function checkHeaderText(argument: string, text: string): void {
  const problem = problemOfHeaderText(text);
  if (problem) throw unfit(`${argument}: ${problem}, wants ${HEADER_TEXT}`);
}

function problemOfHeaderText(text: string): string | undefined {
  const [odd] = /[^ -~]/.exec(text) ?? [];
  if (odd !== undefined) {
    const code = odd.charCodeAt(0);
    if (code >= 0x80) return 'got a character outside of ASCII';
    return `got the control character U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  }
  if (text === '') return 'got an empty string';
  if (text.length > MOST_TEXT) return `got ${grouped(text.length)} characters`;
  return text.startsWith(' ') || text.endsWith(' ') ? 'got a space at the start or end' : undefined;
}

export function checkChannelName(name: string, argument = 'channel'): void {
  checkLength(argument, name);
  checkNoControl(argument, name);
}

export function checkJSON(argument: string, json: string | undefined, most: number): void {
  const bytes = Buffer.byteLength(json ?? '');
  if (bytes > most) {
    throw outOfBounds(`${argument}: got ${grouped(bytes)} bytes of JSON, wants at most ${grouped(most)}`);
  }
}
