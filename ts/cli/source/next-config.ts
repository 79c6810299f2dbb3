/** Wraps the export of a `next.config` with `withSSE`. */
import { attempt, type Insertion, insert, type Outcome, refused } from './edit.js';
import { habitsOf } from './habits.js';
import { placeForImport } from './place-for-import.js';
import { readSource, type Source, type Span, type Statement, spanOf, type Token } from './source.js';

export function wrapConfig(text: string): Outcome {
  return attempt(() => {
    const source = readSource(text);
    return source.tokens.some((token) => token.text === 'withSSE') ? { kind: 'done' } : wrap(source);
  });
}

function wrap(source: Source): Outcome {
  const { text, program } = source;
  const exported = program.body.flatMap((statement) => exportOf(statement) ?? []);
  const last = exported.at(-1);
  const reason = strayExport(source.tokens, exported) ?? (last ? obstacle(last, exported, source) : NO_EXPORT);
  if (!last || reason) return refused(reason ?? NO_EXPORT);
  // A declaration needs no semicolon at its end, but the expression that it becomes does.
  const end = last.value.type === 'FunctionDeclaration' ? ');' : ')';
  const { start, end: at } = spanOf(last.value);
  return insert(text, [importOf(source, last.isModule), { at: start, text: 'withSSE(' }, { at, text: end }]);
}

const NO_EXPORT = 'it has neither a default export nor module.exports';

type DefaultExport = Extract<Statement, { type: 'ExportDefaultDeclaration' }>;
type Assignment = Extract<
  Extract<Statement, { type: 'ExpressionStatement' }>['expression'],
  { type: 'AssignmentExpression' }
>;

interface Exported {
  statement: Span;
  value: DefaultExport['declaration'] | Assignment['right'];
  /** `export default` and not `module.exports =`. */
  isModule: boolean;
}

function exportOf(statement: Statement): Exported | undefined {
  const place = spanOf(statement);
  if (statement.type === 'ExportDefaultDeclaration')
    return { statement: place, value: statement.declaration, isModule: true };
  const assignment = statement.type === 'ExpressionStatement' ? statement.expression : undefined;
  if (assignment?.type !== 'AssignmentExpression' || !isModuleExports(assignment)) return undefined;
  return { statement: place, value: assignment.right, isModule: false };
}

function isModuleExports({ operator, left }: Assignment): boolean {
  if (operator !== '=' || left.type !== 'MemberExpression' || left.computed) return false;
  const { object, property } = left;
  return object.type === 'Identifier' && object.name === 'module' && 'name' in property && property.name === 'exports';
}

/** Why this export cannot be wrapped. */
function obstacle({ value, isModule, statement }: Exported, all: Exported[], { tokens }: Source): string | undefined {
  if (all.some((other) => other.isModule !== isModule)) return 'it has a default export and module.exports';
  if (value.type === 'ClassDeclaration') return 'it exports a class';
  if (/^TS(InterfaceDeclaration|DeclareFunction)$/.test(value.type)) return 'it exports only a type';
  if (value.type !== 'FunctionDeclaration' || !value.id) return undefined;
  // The name of a function expression is known only inside it.
  const { name } = value.id;
  const isUsed = tokens.some(
    ({ text, start, end }) => text === name && (end < statement.start || start > statement.end),
  );
  return isUsed ? `the exported function ${name} is used elsewhere in it` : undefined;
}

/** CommonJS lets a module export in many ways and places. Of several plain assignments, only the last counts. */
function strayExport(tokens: Token[], exported: Exported[]): string | undefined {
  if (exported.some(({ isModule }) => isModule)) return undefined;
  const isPlain = (at: Token | undefined): boolean => exported.some(({ statement }) => statement.start === at?.start);
  for (const [at, { text }] of tokens.entries()) {
    if (text !== 'exports') continue;
    const [next, module] = [tokens[at + 1]?.text, tokens[at - 2]];
    const isOfModule = module?.text === 'module' && tokens[at - 1]?.text === '.';
    if (isOfModule && next === '=' && !isPlain(module)) {
      return 'it assigns module.exports inside a condition, a function or another expression';
    }
    if (exported.length === 0) continue;
    if (!isOfModule) return 'it uses exports besides module.exports';
    if (next === '.' || next === '[') return 'it exports properties one by one';
  }
  return undefined;
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
