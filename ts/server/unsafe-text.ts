/** Text from elsewhere that is shown in a terminal or a log (CWE-150). */

/** What could move the cursor or colour the terminal, or turn the direction of the text. Line ends and tabs are not among them. */
export const UNSAFE = /(?![\n\t])\p{Cc}|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** A character as JSON and JavaScript escape it. */
export function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
