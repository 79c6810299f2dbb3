/** The package's declarations, as TypeScript parses them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const statements = ['index.d.ts', 'listener.d.ts'].flatMap((file) => [
  ...ts.createSourceFile(file, readFileSync(join(__dirname, '..', '..', file), 'utf8'), ts.ScriptTarget.Latest, true)
    .statements,
]);

/** A property, its type, and what its comments say on one line. */
export interface Property {
  name: string;
  type: ts.TypeNode | undefined;
  comment: string;
}

/** The properties of an object type, with what is said about all of them. */
export interface ObjectType {
  comment: string;
  properties: Property[];
}

/** The interface with this name. */
export function interfaceOf(name: string): ObjectType | undefined {
  const declaration = statements.filter(ts.isInterfaceDeclaration).find((statement) => statement.name.text === name);
  if (!declaration) return undefined;
  const bases = (declaration.heritageClauses ?? []).flatMap(({ types }) => types.map(({ expression }) => expression));
  const inherited = bases.flatMap((base) => interfaceOf(base.getText())?.properties ?? []);
  return { comment: commentOf(declaration), properties: [...inherited, ...propertiesOf(declaration.members)] };
}

/** The object type that a property has, written there or elsewhere. */
export function objectTypeOf(type: ts.TypeNode | undefined): ObjectType | undefined {
  if (type && ts.isTypeLiteralNode(type)) return { comment: '', properties: propertiesOf(type.members) };
  const nodes = type && ts.isUnionTypeNode(type) ? type.types : [type];
  return nodes.map((node) => node && interfaceOf(node.getText())).find(Boolean);
}

/** The strings that the type with this name may be. */
export function stringsOf(name: string): string[] {
  const alias = statements.filter(ts.isTypeAliasDeclaration).find((statement) => statement.name.text === name);
  const members = alias && ts.isUnionTypeNode(alias.type) ? alias.type.types : [];
  return members.map((member) => member.getText().replaceAll("'", ''));
}

function propertiesOf(members: readonly ts.Node[]): Property[] {
  return members.filter(ts.isPropertySignature).map((member) => {
    return { name: member.name.getText(), type: member.type, comment: commentOf(member) };
  });
}

function commentOf(node: ts.Node): string {
  const comments = ts.getJSDocCommentsAndTags(node).map((comment) => comment.getText());
  return comments.join(' ').replaceAll(/[\s*]+/g, ' ');
}
