/** Parses the JavaScript and TypeScript files of an app. Babel only finds places in them; nothing is printed from its tree. */
import { type ParseResult, parse } from '@babel/parser';

import { Unreadable, withinStack } from './unreadable.js';

type Program = ParseResult['program'];
export type Statement = Program['body'][number];

/** A place in the text. */
export interface Span {
  start: number;
  end: number;
}

export interface Token extends Span {
  text: string;
}

export interface Source {
  text: string;
  program: Program;
  /** Names, keywords, punctuators and quoted strings. No comments, and nothing from inside of templates' texts. */
  tokens: Token[];
  comments: Token[];
}

/** Throws `Unreadable`. */
export function readSource(text: string): Source {
  const { program, tokens, comments } = parsed(text);
  const withText = (span: Span): Token => ({
    text: text.slice(span.start, span.end),
    start: span.start,
    end: span.end,
  });
  return {
    text,
    program,
    // Babel lists comments here, too. Only their type has no label.
    tokens: (tokens ?? []).filter(({ type }) => type.label && !['template', 'eof'].includes(type.label)).map(withText),
    comments: (comments ?? []).map((comment) => withText(spanOf(comment))),
  };
}

/** Babel reads `f<T>(` in two ways, so the time doubles with each level of nesting. Nobody's config has as many. */
const MAX_GENERIC_CALLS = 8;

function parsed(text: string): ParseResult {
  const genericCalls = text.match(/(?<!=)>\s*[(`]/g) ?? [];
  if (genericCalls.length > MAX_GENERIC_CALLS)
    throw new Unreadable(`it has ${genericCalls.length} generic calls, and the limit is ${MAX_GENERIC_CALLS}`);
  try {
    return withinStack(() =>
      parse(text, {
        sourceType: 'unambiguous',
        plugins: ['typescript'],
        tokens: true,
        // Otherwise the place of an expression would be inside its parentheses.
        createParenthesizedExpressions: true,
      }),
    );
  } catch (error) {
    if (error instanceof SyntaxError) throw new Unreadable(`it cannot be parsed: ${error.message}`);
    throw error;
  }
}

/** The place of a node. Its type allows for nodes that no parser made. */
export function spanOf({ start, end }: { start?: number | null; end?: number | null }): Span {
  if (typeof start !== 'number' || typeof end !== 'number') throw new Unreadable('it has a part without a place');
  return { start, end };
}
