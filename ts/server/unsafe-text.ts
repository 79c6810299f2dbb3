/** Makes foreign text safe for a terminal or a log (CWE-150). */

/**
 * Characters that could move the cursor, colour the terminal, or change the direction of the text. Line ends and tabs are not
 * included.
 */
export const UNSAFE = /(?![\n\t])\p{Cc}|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Escapes a character as JSON and JavaScript do. */
export function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
