/** Reads JSON in the style of tsconfig.json, with comments and trailing commas, and keeps the position of every part. */
import { readSource, type Token, Unreadable } from './tokens.js';

export interface JsonObject {
  kind: 'object';
  start: number;
  end: number;
  properties: Map<string, JsonNode>;
}

export interface JsonOther {
  kind: 'other';
  start: number;
  end: number;
  value: unknown;
}

export type JsonNode = JsonObject | JsonOther;

/** The root object. Throws `Unreadable`. */
export function readJsonc(text: string): JsonObject {
  const { tokens } = readSource(text);
  const reader = new Reader(tokens);
  const root = reader.readValue();
  if (root.kind !== 'object' || !reader.isAtEnd) throw new Unreadable('it is not a JSON object');
  return root;
}

/** The plain value of a node. */
export function valueOfNode(node: JsonNode | undefined): unknown {
  if (node?.kind !== 'object') return node?.value;
  return Object.fromEntries([...node.properties].map(([name, property]) => [name, valueOfNode(property)]));
}

/** Deeper than any config. Deeper nesting would end in a stack overflow. */
const MAX_DEPTH = 100;

class Reader {
  readonly #tokens: Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: Token[]) {
    this.#tokens = tokens;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#tokens.length;
  }

  readValue(): JsonNode {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new Unreadable('it is nested too deep');
    const value = this.#readAny(this.#next());
    this.#depth -= 1;
    return value;
  }

  #readAny(token: Token): JsonNode {
    if (token.text === '{') return this.#readObject(token.start);
    if (token.text === '[') return this.#readArray(token.start);
    if (token.text === '-') return { kind: 'other', start: token.start, end: this.#next().end, value: Number.NaN };
    return { kind: 'other', start: token.start, end: token.end, value: parse(token) };
  }

  #readObject(start: number): JsonObject {
    const properties = new Map<string, JsonNode>();
    while (!this.#peekIs('}')) {
      const name = String(parse(this.#next()));
      this.#expect(':');
      properties.set(name, this.readValue());
      if (!this.#peekIs('}')) this.#expect(',');
    }
    return { kind: 'object', start, end: this.#next().end, properties };
  }

  #readArray(start: number): JsonOther {
    const value: unknown[] = [];
    while (!this.#peekIs(']')) {
      value.push(valueOfNode(this.readValue()));
      if (!this.#peekIs(']')) this.#expect(',');
    }
    return { kind: 'other', start, end: this.#next().end, value };
  }

  #peekIs(text: string): boolean {
    const token = this.#tokens[this.#at];
    return token?.kind === 'punctuator' && token.text === text;
  }

  #expect(text: string): void {
    if (this.#next().text !== text) throw new Unreadable(`a ${text} is missing in it`);
  }

  #next(): Token {
    const token = this.#tokens[this.#at];
    if (!token) throw new Unreadable('it ends too early');
    this.#at += 1;
    return token;
  }
}

/** JavaScript that is not JSON is refused. */
function parse(token: Token): unknown {
  try {
    return JSON.parse(token.text);
  } catch {
    throw new Unreadable(`${token.text} is not JSON`);
  }
}
