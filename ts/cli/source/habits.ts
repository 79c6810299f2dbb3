/** The style of a text, so that an insertion looks like the rest. */
import { lineEndOf } from './edit.js';
import type { Source, Token } from './source.js';

export interface Habits {
  quote: "'" | '"';
  semicolon: ';' | '';
  lineEnd: '\n' | '\r\n';
}

export function habitsOf({ text, tokens }: Source): Habits {
  const quotes = tokens.map((token) => token.text[0]).filter((first) => first === "'" || first === '"');
  const double = quotes.filter((quote) => quote === '"').length;
  const isBare = (token: Token, at: number): boolean => endsWithoutSemicolon(token, tokens[at + 1], text);
  const hasSemicolons = tokens.some((token) => token.text === ';') || !tokens.some(isBare);
  return {
    quote: double > quotes.length / 2 ? '"' : "'",
    semicolon: hasSemicolons ? ';' : '',
    lineEnd: lineEndOf(text),
  };
}

/** Whether a line ends here where others would write a semicolon. After a brace, nobody has to. */
function endsWithoutSemicolon(token: Token, next: Token | undefined, text: string): boolean {
  if (!/[\w$'"`)\]]$/.test(token.text)) return false;
  return !next || (text.slice(token.end, next.start).includes('\n') && !/^[)\]}.?:]/.test(next.text));
}
