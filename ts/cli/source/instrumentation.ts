/** Lets the `register` of an instrumentation file load ssekit. */
import { habitsOf, insert, type Outcome, refused } from './edit.js';
import { bodyOf } from './statements.js';
import { readSource, type Source, type Token, Unreadable } from './tokens.js';

/** The statement that loads ssekit. */
export function loadStatement(specifier: string, quote = "'", semicolon = ';'): string {
  const [runtime, module] = [`${quote}nodejs${quote}`, `${quote}${specifier}${quote}`];
  return `if (process.env.NEXT_RUNTIME === ${runtime}) await import(${module})${semicolon}`;
}

export function loadIn(text: string, specifier: string): Outcome {
  try {
    return change(readSource(text), specifier);
  } catch (error) {
    if (error instanceof Unreadable) return refused(error.message);
    throw error;
  }
}

function change(source: Source, specifier: string): Outcome {
  const { text, tokens } = source;
  if (tokens.some((token) => token.kind === 'string' && /^.(ssekit|.*features\/sse)(\/index)?.$/.test(token.text))) {
    return { kind: 'done' };
  }
  const { quote, semicolon, lineEnd } = habitsOf(source);
  const statement = loadStatement(specifier, quote, semicolon);
  const uses = tokens.filter((token) => token.kind === 'word' && token.text === 'register');
  if (uses.length === 0) {
    const lines = ['', 'export async function register() {', `  ${statement}`, '}', ''];
    return { kind: 'changed', text: text.trimEnd() + lineEnd + lines.join(lineEnd) };
  }
  const at = tokens.findIndex((_, index) => isRegister(tokens, index));
  const body = at < 0 ? undefined : bodyOf(tokens, at);
  if (!body) return refused('register is not an exported async function in it');
  const rest = text.slice(body.open.end);
  const [, , indent = '  '] = /^([ \t]*\r?\n([ \t]+))?/.exec(rest) ?? [];
  // Text after the brace on the same line moves to its own line.
  const onSameLine = !/^[ \t]*\r?\n/.test(rest);
  const end = !onSameLine ? '' : /^\s*\}/.test(rest) ? lineEnd : `${lineEnd}${indent}`;
  const insertion = `${lineEnd}${indent}${statement}${end}`;
  return { kind: 'changed', text: insert(text, [{ at: body.open.end, text: insertion }]) };
}

function isRegister(tokens: Token[], at: number): boolean {
  const texts = ['export', 'async', 'function', 'register'];
  return tokens[at]?.depth === 0 && texts.every((text, index) => tokens[at + index]?.text === text);
}
