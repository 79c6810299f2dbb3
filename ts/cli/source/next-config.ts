/** Wraps the export of a `next.config` with `withSSE`. */
import { habitsOf, type Insertion, insert, type Outcome, refused } from './edit.js';
import { beginsStatement, bodyOf, lastOfExpression, placeForImport } from './statements.js';
import { readSource, type Source, type Token, Unreadable } from './tokens.js';

export function wrapConfig(text: string): Outcome {
  try {
    const source = readSource(text);
    if (source.tokens.some(({ kind, text }) => kind === 'word' && text === 'withSSE')) return { kind: 'done' };
    return wrap(source);
  } catch (error) {
    if (error instanceof Unreadable) return refused(error.message);
    throw error;
  }
}

function wrap(source: Source): Outcome {
  const { tokens } = source;
  const isDefault = (at: number): boolean => matches(tokens, at, ['export', 'default']);
  const isModuleExports = (at: number): boolean => matches(tokens, at, ['module', '.', 'exports', '=']);
  const places = tokens.flatMap((token, at) =>
    token.depth === 0 && (isDefault(at) || isModuleExports(at)) ? [at] : [],
  );
  const last = places.at(-1);
  if (last === undefined) return refused('it has neither a default export nor module.exports');
  const isModule = isDefault(last);
  if (places.some((at) => isDefault(at) !== isModule)) return refused('it has a default export and module.exports');
  if (isModule && places.length > 1) return refused('it has two default exports');
  const stray = isModule ? undefined : strayExport(tokens, places);
  if (stray) return refused(stray);
  const expression = isModule ? exportedBy(tokens, last + 2) : expressionAt(tokens, last + 4);
  if ('reason' in expression) return refused(expression.reason);
  return { kind: 'changed', text: insert(source.text, [importOf(source, isModule), ...expression.wrapping]) };
}

function matches(tokens: Token[], at: number, texts: string[]): boolean {
  return texts.every((text, index) => tokens[at + index]?.text === text && tokens[at + index]?.kind !== 'string');
}

type Expression = { wrapping: Insertion[] } | { reason: string };

function expressionAt(tokens: Token[], at: number): Expression {
  const first = tokens[at];
  const last = first && tokens[lastOfExpression(tokens, at)];
  if (!first || !last || first.text === ';') return { reason: 'nothing is exported' };
  const { depth } = first;
  const isSequence = tokens.some(
    ({ text, start, depth: at }) => text === ',' && at === depth && start > first.start && start < last.end,
  );
  // `<Config>(…) => …` may contain commas, too, but people write neither of these.
  if (isSequence) return { reason: 'what it exports is not a single expression' };
  return { wrapping: around(first, last, '') };
}

/** The export after `export default`: an expression, or a function, which becomes one. */
function exportedBy(tokens: Token[], at: number): Expression {
  const [first, next] = [tokens[at], tokens[at + 1]];
  if (first?.text === 'class' || first?.text === 'abstract') return { reason: 'it exports a class' };
  const isFunction = first?.text === 'function' || (first?.text === 'async' && next?.text === 'function');
  if (!first || !isFunction) return expressionAt(tokens, at);
  const body = bodyOf(tokens, at);
  if (!body) return { reason: 'the function that it exports cannot be read' };
  const name = tokens[at + (first.text === 'async' ? 2 : 1)];
  // The name of a function expression is known only inside it.
  const isUsed = tokens.some(
    ({ text, start, end }) =>
      text === name?.text && name.kind === 'word' && (end < first.start || start > body.close.end),
  );
  if (isUsed) return { reason: `the exported function ${name?.text} is used elsewhere in it` };
  return { wrapping: around(first, body.close, ';') };
}

function around(first: Token, last: Token, end: string): Insertion[] {
  return [
    { at: first.start, text: 'withSSE(' },
    { at: last.end, text: `)${end}` },
  ];
}

/** CommonJS lets a module export in many ways and places. Of several plain assignments, only the last counts. */
function strayExport(tokens: Token[], places: number[]): string | undefined {
  for (const [at, { text, kind }] of tokens.entries()) {
    if (text !== 'exports' || kind !== 'word') continue;
    const isOfModule = matches(tokens, at - 2, ['module', '.']);
    if (!isOfModule) return 'it uses exports besides module.exports';
    const next = tokens[at + 1];
    if (next?.text === '=' && !places.includes(at - 2)) return 'it assigns module.exports inside of something else';
    if (next?.text === '.' || next?.text === '[') return 'it exports properties one by one';
  }
  return places.every((at) => beginsStatement(tokens, at)) ? undefined : 'it exports under a condition';
}

/** A TypeScript config may import like a module and export like CommonJS. */
function importOf(source: Source, isModule: boolean): Insertion {
  const { quote, semicolon, lineEnd } = habitsOf(source);
  const { at, isBehind, isAfterImport } = placeForImport(source);
  const specifier = `${quote}ssekit/next${quote}`;
  const line =
    isModule || isAfterImport
      ? `import { withSSE } from ${specifier}${semicolon}`
      : `const { withSSE } = require(${specifier})${semicolon}`;
  return { at, text: isBehind ? `${lineEnd}${line}` : `${line}${lineEnd}${lineEnd}` };
}

/** The text to paste by hand if the config could not be changed. */
export function configSnippet(file: string): string {
  if (file.endsWith('.js') || file.endsWith('.cjs')) {
    return [
      "const { withSSE } = require('ssekit/next'); // or: import { withSSE } from 'ssekit/next';",
      '',
      'module.exports = withSSE(nextConfig); // or: export default withSSE(nextConfig);',
    ].join('\n');
  }
  return ["import { withSSE } from 'ssekit/next';", '', 'export default withSSE(nextConfig);'].join('\n');
}
