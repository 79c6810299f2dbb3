/** Reads JSON in the style of tsconfig.json, with comments and trailing commas, and keeps the place of every part. */
import { getNodeValue, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';

import { Unreadable, withinStack } from './unreadable.js';

export type JsonNode = Node;

/** The root object. Throws `Unreadable`. */
export function readJsonc(text: string): JsonNode {
  const errors: ParseError[] = [];
  // The parser has no notion of the byte order mark that editors on Windows write. A blank keeps all places.
  const root = withinStack(() => parseTree(text.replace(/^\ufeff/, ' '), errors, { allowTrailingComma: true }));
  const [error] = errors;
  if (error) throw new Unreadable(`it is not valid JSON: ${inWords(error, text)}`);
  if (root?.type !== 'object') throw new Unreadable('it is not a JSON object');
  return root;
}

/** `ValueExpected` becomes `value expected in line 3`. */
function inWords({ error, offset }: ParseError, text: string): string {
  const words = printParseErrorCode(error).replace(/(?<=[a-z])(?=[A-Z])/g, ' ');
  return `${words.toLowerCase()} in line ${text.slice(0, offset).split('\n').length}`;
}

/** The value of a property. Of several with the same name, the last counts. */
export function propertyOf(object: JsonNode, name: string): JsonNode | undefined {
  return object.children?.findLast(({ children }) => children?.[0]?.value === name)?.children?.[1];
}

/** The plain value of a node. */
export function plainValue(node: JsonNode): unknown {
  return withinStack(() => getNodeValue(node));
}
