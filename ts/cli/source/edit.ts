/** Changes to a source text, and their outcomes. */
import type { Source, Token } from './tokens.js';

export type Outcome =
  | { kind: 'changed'; text: string }
  /** The change has been made before. */
  | { kind: 'done' }
  /** The change cannot be made safely. */
  | { kind: 'refused'; reason: string };

export function refused(reason: string): Outcome {
  return { kind: 'refused', reason };
}

export interface Insertion {
  at: number;
  text: string;
}

/** Insertions at the same place are made in the order given. */
export function insert(text: string, insertions: Insertion[]): string {
  const ordered = [...insertions].reverse().sort((a, b) => b.at - a.at);
  // Starts from the end, so earlier positions stay valid.
  return ordered.reduce((result, { at, text }) => result.slice(0, at) + text + result.slice(at), text);
}

/** The style of a text, so an insertion looks like the rest. */
export interface Habits {
  quote: "'" | '"';
  semicolon: ';' | '';
  lineEnd: '\n' | '\r\n';
}

export function habitsOf({ text, tokens }: Source): Habits {
  const strings = tokens.filter(({ kind }) => kind === 'string');
  const double = strings.filter((token) => token.text.startsWith('"')).length;
  const hasSemicolons = tokens.some((token) => token.text === ';') || !tokens.some(isBare);
  return {
    quote: double > strings.length / 2 ? '"' : "'",
    semicolon: hasSemicolons ? ';' : '',
    lineEnd: text.includes('\r\n') ? '\r\n' : '\n',
  };
}

/** Whether a line could end with a semicolon, but does not. After a brace, no semicolon may be expected. */
function isBare(token: Token, at: number, tokens: Token[]): boolean {
  const next = tokens[at + 1];
  return (token.kind !== 'punctuator' || token.text === ')') && (!next || (next.startsLine && next.text !== '}'));
}
