/** Lets the `register` of an instrumentation file load ssekit. */
import { attempt, insert, type Outcome, refused } from './edit.js';
import { habitsOf } from './habits.js';
import { readSource, type Source, type Statement, spanOf } from './source.js';

/** The statement that loads ssekit. */
export function loadStatement(specifier: string, quote = "'", semicolon = ';'): string {
  const [runtime, module] = [`${quote}nodejs${quote}`, `${quote}${specifier}${quote}`];
  return `if (process.env.NEXT_RUNTIME === ${runtime}) await import(${module})${semicolon}`;
}

export function loadIn(text: string, specifier: string): Outcome {
  return attempt(() => change(readSource(text), specifier));
}

function change(source: Source, specifier: string): Outcome {
  const { text, tokens, program } = source;
  if (tokens.some((token) => /^['"](ssekit|.*features\/sse)(\/index)?['"]$/.test(token.text))) return { kind: 'done' };
  const { quote, semicolon, lineEnd } = habitsOf(source);
  const statement = loadStatement(specifier, quote, semicolon);
  if (tokens.every((token) => token.text !== 'register')) {
    const lines = ['', 'export async function register() {', `  ${statement}`, '}', ''];
    return { kind: 'changed', text: text.trimEnd() + lineEnd + lines.join(lineEnd) };
  }
  const body = program.body.flatMap((each) => bodyOfRegister(each) ?? [])[0];
  if (body === undefined) return refused('its register is not an exported async function');
  const rest = text.slice(body);
  const [, , indent = '  '] = /^([ \t]*\r?\n([ \t]+))?/.exec(rest) ?? [];
  // Text after the brace on the same line moves to its own line.
  const onSameLine = !/^[ \t]*\r?\n/.test(rest);
  const end = !onSameLine ? '' : /^\s*\}/.test(rest) ? lineEnd : `${lineEnd}${indent}`;
  return insert(text, [{ at: body, text: `${lineEnd}${indent}${statement}${end}` }]);
}

/** The place behind the opening brace of `export async function register`. */
function bodyOfRegister(statement: Statement): number | undefined {
  const declared = statement.type === 'ExportNamedDeclaration' ? statement.declaration : undefined;
  if (declared?.type !== 'FunctionDeclaration' || declared.id?.name !== 'register') return undefined;
  return declared.async && !declared.generator ? spanOf(declared.body).start + 1 : undefined;
}
