/** Lays out a JSON text, digit for digit: numbers may be too large for JavaScript, and keys may occur twice. */

export type TokenKind = 'key' | 'string' | 'number' | 'word' | 'mark';

export interface Token {
  kind: TokenKind;
  text: string;
}

const TOKENS = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|(true|false|null)|([{}[\],])/g;

/** Text of 2 KiB can be nested so deeply that its indentation would fill megabytes. */
const DEEPEST = 16;

/** Returns undefined if the text is not JSON. */
export function prettyJson(text: string): Token[] | undefined {
  if (jsonProblem(text)) return undefined;
  const tokens: Token[] = [];
  let depth = 0;
  let isOpened = false;
  const mark = (text: string) => tokens.push({ kind: 'mark', text });
  const line = () => mark(`\n${'  '.repeat(Math.min(depth, DEEPEST))}`);
  for (const [token, string, colon, number, word] of text.matchAll(TOKENS)) {
    const isClosing = token === '}' || token === ']';
    if (isClosing) depth -= 1;
    // An empty object stays on one line.
    if (isOpened !== isClosing) line();
    isOpened = token === '{' || token === '[';
    if (isOpened) depth += 1;
    if (string) tokens.push({ kind: colon ? 'key' : 'string', text: string });
    else tokens.push({ kind: number ? 'number' : word ? 'word' : 'mark', text: token });
    if (colon) mark(': ');
    if (token === ',') line();
  }
  return tokens;
}

/** The engine's complaint about a JSON text; undefined if nothing is. */
export function jsonProblem(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
