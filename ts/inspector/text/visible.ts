/** Makes foreign text harmless to look at: nothing in it turns the direction of its surroundings, or hides. */
import { UNSAFE, unicodeEscape } from '../../server/unsafe-text.js';

/** Characters that have no shape of their own, and could make two names look alike. A joiner is left alone: scripts and emoji need it. */
const HIDDEN = /[\n\t\u00ad\u200b\u2060\ufeff]/g;

/** A name on one line. */
export function visible(text: string): string {
  return visibleLines(text).replaceAll(HIDDEN, unicodeEscape);
}

/** A text with its line ends and tabs. */
export function visibleLines(text: string): string {
  return text.replaceAll(UNSAFE, unicodeEscape);
}
