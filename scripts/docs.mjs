/**
 * `node scripts/docs.mjs`: writes docs/api.md, the API reference, from the doc comments of the declarations. `--check` changes
 * nothing, and fails if the page is not what would be written.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from './lib/paths.mjs';

const PAGE = join(root, 'docs', 'api.md');

/** The modules that users import, in the order of the page, and the files that declare them. */
const MODULES = {
  ssekit: ['index.d.ts', 'listener.d.ts'],
  'ssekit/next': [
    'ts/next/route.ts',
    'ts/next/ticket-route.ts',
    'ts/next/inspector-route.ts',

    'ts/next/cursor.ts',
    'ts/next/with-sse.ts',
  ],
  'ssekit/node': ['ts/node/index.ts', 'ts/node/inspector.ts'],
  'ssekit/publish': [
    'ts/publish/publisher.ts',
    'ts/publish/options.ts',
    'ts/publish/publication.ts',
    'ts/publish/error.ts',
  ],
  'ssekit/client': [
    'ts/client/create-client.ts',
    'ts/client/types.ts',
    'ts/client/events.ts',
    'ts/client/error.ts',
    'ts/client/schema.ts',
  ],
  'ssekit/react': ['ts/react/provider.ts', 'ts/react/hooks.ts', 'ts/react/use-live.ts', 'ts/react/use-refresh-on.ts'],
  'ssekit/devtools': ['ts/devtools/component.ts'],
  'ssekit/testing': [
    'ts/testing/fake-sse.ts',
    'ts/testing/sent-event.ts',
    'ts/testing/failing-call.ts',
    'ts/testing/test-client.ts',
    'ts/testing/received-event.ts',
    'ts/testing/match.ts',
    'ts/testing/matchers.ts',
    'ts/testing/asserts.ts',
    'ts/testing/reset-fake.ts',
    'ts/testing/mock-sse.ts',
    'ts/testing/end-of-file.ts',
    'ts/testing/read-events.ts',
    'ts/testing/stream-route.ts',
    'ts/testing/create-test-stream.ts',
    'ts/testing/route-test-stream.ts',
    'ts/testing/wait.ts',
    'ts/testing/fresh-hub.ts',
  ],
};

const HEAD = `# API reference

Made by \`node scripts/docs.mjs\` from the doc comments of the declarations; edit those, not this page. The other pages explain how to
use the API: [index](README.md).
`;

const page = [HEAD, ...Object.entries(MODULES).map(([name, files]) => moduleSection(name, files))].join('\n');

if (!process.argv.includes('--check')) {
  writeFileSync(PAGE, page);
} else if (readPage() !== page) {
  console.error('docs/api.md is not current: run `npm run lint -- --fix`');
  process.exitCode = 1;
}

function readPage() {
  try {
    return readFileSync(PAGE, 'utf8');
  } catch {
    return undefined;
  }
}

function moduleSection(name, files) {
  // The files of the main module declare nothing else; of the others, the index says what is public.
  const isPublic = name.includes('/') ? exportsOf(`ts${name.slice(name.indexOf('/'))}/index.ts`) : () => true;
  const items = files.flatMap((file) => itemsOf(parse(file), isPublic));
  return [`## \`${name}\``, '', ...items].join('\n');
}

function parse(file) {
  return ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest, true);
}

/** Returns a function that says whether a file exports this name. */
function exportsOf(file) {
  const names = parse(file).statements.flatMap((statement) => {
    if (ts.isVariableStatement(statement)) return statement.declarationList.declarations.flatMap(namesOf);
    if (!ts.isExportDeclaration(statement)) return isExported(statement) ? [statement.name?.text] : [];
    return statement.exportClause.elements.map((element) => element.name.text);
  });
  return (name) => names.includes(name);
}

/** The names that a declaration binds: one, or several as in `const { a, b } = …`. */
function namesOf({ name }) {
  return ts.isIdentifier(name) ? [name.text] : name.elements.flatMap(namesOf);
}

/** A section for each exported name. Overloads are one. */
function itemsOf(source, isPublic) {
  const byName = new Map();
  for (const statement of source.statements) {
    if (!isExported(statement)) continue;
    const name = statement.name?.text;
    // `export … from`: what it names is declared, and told, in another file.
    if (!name || !isPublic(name)) continue;
    byName.set(name, [...(byName.get(name) ?? []), statement]);
  }
  return [...byName].map(([name, declarations]) => itemSection(name, declarations, source));
}

function isExported(statement) {
  return ts.canHaveModifiers(statement) && has(statement, ts.SyntaxKind.ExportKeyword);
}

function has(node, kind) {
  return ts.getModifiers(node)?.some((modifier) => modifier.kind === kind) ?? false;
}

function itemSection(name, declarations, source) {
  const [first] = declarations;
  const parts = [`### \`${name}\``, ''];
  const about = commentOf(first, source);
  if (about) parts.push(about, '');
  if (ts.isClassDeclaration(first) || ts.isInterfaceDeclaration(first)) parts.push(...membersOf(first, source));
  else if (ts.isTypeAliasDeclaration(first)) parts.push(...aliasOf(first, source));
  else parts.push(code(overloads(declarations).map((declaration) => signature(declaration, source))), '');
  return parts.join('\n');
}

/** The signatures that callers see: of several declarations of a function, the last is the implementation. */
function overloads(declarations) {
  return declarations.length > 1 ? declarations.filter((declaration) => !declaration.body) : declarations;
}

/** A type's properties as a table, a class's methods as headings. */
function membersOf(declaration, source) {
  const heading = `${text(declaration, source)
    .split('{', 1)[0]
    .replace(/^export declare |^export /, '')
    .trim()}`;
  const members = declaration.members.filter((member) => !ts.isConstructorDeclaration(member) && !isPrivate(member));
  const properties = members.filter(isProperty);
  const methods = members.filter((member) => !isProperty(member) && !isImplementation(member, members));
  const parts = [code([heading]), ''];
  if (properties.length > 0) {
    parts.push('| property | type | |', '|---|---|---|');
    for (const property of properties) parts.push(propertyRow(property, source));
    parts.push('');
  }
  for (const method of methods) {
    const about = commentOf(method, source);
    parts.push(code([signature(method, source)]), '', ...(about ? [about, ''] : []));
  }
  return parts;
}

/** Whether a method has overloads, which are all that callers see. */
function isImplementation(member, members) {
  const isOverload = (other) => other !== member && !other.body && other.name?.getText() === member.name.getText();
  return member.body !== undefined && members.some(isOverload);
}

function isPrivate({ name }) {
  return name !== undefined && ts.isPrivateIdentifier(name);
}

function isProperty(member) {
  return ts.isPropertySignature(member) || ts.isPropertyDeclaration(member) || ts.isGetAccessorDeclaration(member);
}

function propertyRow(property, source) {
  // A property without a written type has a constant value.
  const type = text(property.type ?? property.initializer, source).replaceAll(/\s+/g, ' ');
  const about = (commentOf(property, source) ?? '').replaceAll('\n', ' ');
  return `| \`${property.name.getText(source)}${property.questionToken ? '?' : ''}\` | ${cell(type)} | ${about} |`;
}

/** Code in a cell: there, a bar would end it. */
function cell(type) {
  return `\`${type.replaceAll('|', '\\|')}\``;
}

/** A union's members with what is said of each, where anything is said. */
function aliasOf(declaration, source) {
  const { type } = declaration;
  const members = ts.isUnionTypeNode(type) ? type.types : [];
  const comments = members.map((member, index) => {
    // It stands before the bar, which is not the member's own.
    const between = source.text.slice(members[index - 1]?.end ?? type.getFullStart(), member.getStart(source));
    return between.match(/\/\*\*.*?\*\//s)?.[0];
  });
  if (comments.every((comment) => comment === undefined)) {
    return [code([`type ${declaration.name.text} = ${text(type, source)}`]), ''];
  }
  let said = '';
  const rows = members.map((member, index) => {
    // A comment also covers the members after it that have none.
    said = comments[index] ? withoutStars(comments[index]).replaceAll('\n', ' ') : said;
    return `| ${cell(text(member, source))} | ${said} |`;
  });
  return ['| value | |', '|---|---|', ...rows, ''];
}

function signature(declaration, source) {
  const end = declaration.body ? declaration.body.getStart(source) : declaration.getEnd();
  return source.text
    .slice(declaration.getStart(source), end)
    .replace(/^export (declare )?/, '')
    .replace(/;?\s*$/, '');
}

function text(node, source) {
  return node.getText(source);
}

function code(lines) {
  return ['```ts', ...lines, '```'].join('\n');
}

/** The doc comment right before a node, without its stars; paragraphs are kept. */
function commentOf(node, source) {
  const ranges = ts.getLeadingCommentRanges(source.text, node.getFullStart()) ?? [];
  const comment = ranges.map(({ pos, end }) => source.text.slice(pos, end)).findLast((each) => each.startsWith('/**'));
  return comment && withoutStars(comment);
}

function withoutStars(comment) {
  return comment
    .slice(3, -2)
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
    .join('\n')
    .trim();
}
