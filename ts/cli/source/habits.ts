/** The style of a text, so that an insertion looks like the rest. */
import { lineEndOf } from './edit.js';
import { type Source, type Statement, spanOf } from './source.js';

export interface Habits {
  quote: "'" | '"';
  semicolon: ';' | '';
  lineEnd: '\n' | '\r\n';
}

export function habitsOf({ text, tokens, program }: Source): Habits {
  const quotes = tokens.map((token) => token.text[0]).filter((first) => first === "'" || first === '"');
  const double = quotes.filter((quote) => quote === '"').length;
  // After a brace, no semicolon may be expected.
  const isBare = (statement: Statement): boolean => !['}', ';'].includes(text[spanOf(statement).end - 1] ?? '');
  const hasSemicolons = tokens.some((token) => token.text === ';') || !program.body.some(isBare);
  return {
    quote: double > quotes.length / 2 ? '"' : "'",
    semicolon: hasSemicolons ? ';' : '',
    lineEnd: lineEndOf(text),
  };
}
