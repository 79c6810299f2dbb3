/** Finds the ends of statements and functions, and the place for an import. */
import type { Source, Token } from './tokens.js';

/** Whether a value can end with this token. After such a token, a new line may begin a new statement. */
function endsValue(token: Token): boolean {
  if (token.kind === 'word') return !INCOMPLETE.has(token.text);
  return token.kind !== 'punctuator' || ')]}'.includes(token.text) || token.text === '++' || token.text === '--';
}

const INCOMPLETE = new Set(
  'as async await default delete export extends function in instanceof new of satisfies typeof void'.split(' '),
);

/** Whether this token continues the value before it, even on a new line. */
function continuesValue(token: Token): boolean {
  if (token.kind === 'word') return token.text === 'in' || token.text === 'instanceof';
  if (token.kind === 'template') return true;
  return token.kind === 'punctuator' && !['{', '}', ';', '!', '~', '++', '--'].includes(token.text);
}

/** The last token of the expression that begins with token `first`, by the rules of automatic semicolons. */
export function lastOfExpression(tokens: Token[], first: number): number {
  const depth = tokens[first]?.depth ?? 0;
  let last = first;
  for (let at = first + 1; at < tokens.length; at += 1) {
    const token = tokens[at] as Token;
    if (token.depth < depth) break;
    if (token.depth === depth) {
      if (token.text === ';' && token.kind === 'punctuator') break;
      if (token.startsLine && endsValue(tokens[at - 1] as Token) && !continuesValue(token)) break;
    }
    last = at;
  }
  return last;
}

/** Whether a statement begins at this token, and is executed unconditionally. */
export function beginsStatement(tokens: Token[], at: number): boolean {
  const before = tokens[at - 1];
  if (!before) return true;
  if (before.kind === 'punctuator' && (before.text === ';' || before.text === '}')) return true;
  if (!(tokens[at] as Token).startsLine || !endsValue(before)) return false;
  if (before.kind === 'word') return !['else', 'do'].includes(before.text);
  return before.text !== ')' || !isCondition(tokens, at - 1);
}

function isCondition(tokens: Token[], closing: number): boolean {
  const { depth } = tokens[closing] as Token;
  for (let at = closing - 1; at > 0; at -= 1) {
    const token = tokens[at] as Token;
    if (token.depth !== depth || token.text !== '(') continue;
    return ['if', 'for', 'while', 'with'].includes((tokens[at - 1] as Token).text);
  }
  return false;
}

/** After these tokens, a brace belongs to a type. */
const BEFORE_TYPE = [':', '<', '|', '&', ',', '=>', '('];

/** The braces around the body of the function whose parameters begin after token `at`. */
export function bodyOf(tokens: Token[], at: number): { open: Token; close: Token } | undefined {
  const { depth } = tokens[at] as Token;
  let open: Token | undefined;
  for (let next = at + 1; next < tokens.length; next += 1) {
    const token = tokens[next] as Token;
    if (token.depth !== depth) continue;
    if (open && token.text === '}') return { open, close: token };
    if (!open && token.text === ';') return undefined;
    if (!open && token.text === '{' && !BEFORE_TYPE.includes((tokens[next - 1] as Token).text)) open = token;
    // This reaches the closing brace of a type only while `open` is missing.
  }
  return undefined;
}

export interface Place {
  at: number;
  /** An insertion there follows other text on the same line. */
  isBehind: boolean;
  isAfterImport: boolean;
}

/** The place for a new import or a similar statement: after the imports, or before the first statement and its comment. */
export function placeForImport(source: Source): Place {
  const { text, tokens } = source;
  const imports = tokens.flatMap((token, at) => (isImport(tokens, at) ? [endOfImport(tokens, at, token)] : []));
  const isAfterImport = imports.length > 0;
  const end = imports.at(-1) ?? directiveEnd(tokens);
  if (end === undefined) return { at: beforeFirstStatement(source), isBehind: false, isAfterImport };
  const [rest = ''] = text.slice(end).split(/[\r\n]/, 1);
  // A comment at the end of the line belongs to the line.
  const isComment = /^\s*(\/\/.*|\/\*.*\*\/\s*)$/.test(rest);
  return { at: isComment ? end + rest.trimEnd().length : end, isBehind: true, isAfterImport };
}

function isImport(tokens: Token[], at: number): boolean {
  const [token, next, afterNext] = [tokens[at], tokens[at + 1], tokens[at + 2]];
  if (token?.text !== 'import' || token.depth !== 0 || token.kind !== 'word') return false;
  // `import(…)`, `import.meta` and `import x = require(…)` are not import declarations.
  return next !== undefined && !['(', '.'].includes(next.text) && afterNext?.text !== '=';
}

function endOfImport(tokens: Token[], at: number, fallback: Token): number {
  const from = tokens.findIndex((token, index) => index > at && token.depth === 0 && token.kind === 'string');
  const specifier = tokens[from] ?? fallback;
  let last = from;
  if (['with', 'assert'].includes(tokens[from + 1]?.text ?? '')) {
    last = tokens.findIndex((token, index) => index > from && token.depth === 0 && token.text === '}');
  }
  const end = tokens[last] ?? specifier;
  return tokens[last + 1]?.text === ';' ? (tokens[last + 1] as Token).end : end.end;
}

/** `'use strict'` counts only if it comes first. */
function directiveEnd(tokens: Token[]): number | undefined {
  const [first, second] = tokens;
  if (first?.kind !== 'string' || !(second?.startsLine || second?.text === ';')) return undefined;
  return second.text === ';' ? second.end : first.end;
}

function beforeFirstStatement({ text, tokens, comments }: Source): number {
  let at = tokens[0]?.start ?? text.length;
  for (const comment of comments.filter(({ end }) => end <= at).reverse()) {
    const isAttached = !/\n\s*\n/.test(text.slice(comment.end, at));
    // These comments count only at the top of the file.
    if (!isAttached || /@ts-(no)?check|^#!/.test(comment.text)) break;
    at = comment.start;
  }
  return at;
}
