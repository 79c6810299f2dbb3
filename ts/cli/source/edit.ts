/** Changes to a source text, and what became of them. */
import type { Source, Token } from './tokens.js';

export type Outcome =
  | { kind: 'changed'; text: string }
  /** What was to be done has been done before. */
  | { kind: 'done' }
  /** It cannot be done safely. */
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
  // From the end on, so that the places before stay what they are.
  return ordered.reduce((result, { at, text }) => result.slice(0, at) + text + result.slice(at), text);
}

/** How a text is written, so that what is added looks like the rest. */
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

/** A line that could end with a semicolon, and does not. Behind a brace there may be none to expect. */
function isBare(token: Token, at: number, tokens: Token[]): boolean {
  const next = tokens[at + 1];
  return (token.kind !== 'punctuator' || token.text === ')') && (!next || (next.startsLine && next.text !== '}'));
}
