/**
 * Splits JavaScript and TypeScript into tokens. That is enough to find a statement and its end without understanding it. A
 * text that cannot be split with certainty is refused, because somebody's config is about to be changed.
 */

export interface Token {
  kind: 'word' | 'string' | 'template' | 'regex' | 'punctuator';
  text: string;
  start: number;
  end: number;
  /** The number of brackets around it. A bracket itself counts as outside. */
  depth: number;
  /** Whether there is a line end between it and the previous token. */
  startsLine: boolean;
}

export interface Comment {
  text: string;
  start: number;
  end: number;
}

export interface Source {
  text: string;
  tokens: Token[];
  comments: Comment[];
}

/** The text contains something that this file does not understand. */
export class Unreadable extends Error {}

const SPACE = /[\s\ufeff]+/y;
const COMMENT = /\/\/.*|\/\*[\s\S]*?\*\/|^#!.*/y;
const WORD = /[\p{ID_Start}$_#@][\p{ID_Continue}$\u200c\u200d]*|\.?\d[\w.]*/uy;
const STRING = /'(?:[^'\\\r\n]|\\(?:\r\n|[\s\S]))*'|"(?:[^"\\\r\n]|\\(?:\r\n|[\s\S]))*"/y;
const REGEX = /\/(?![*/])(?:[^\\/[\r\n]|\\.|\[(?:[^\]\\\r\n]|\\.)*\])+\/[a-z]*/y;
const PUNCTUATOR = /=>|\.\.\.|[=!]==?|&&=?|\|\|=?|\?\?=?|\?\.|\+\+|--|[-+*/%&|^<>]=?|[~!?:;,.=()[\]{}]/y;

/** How deeply templates may be nested. Deeper nesting would end in a stack overflow. */
const MAX_TEMPLATES = 100;

const OPENING = '([{';
const CLOSING = ')]}';

/**
 * After these words, a slash begins a regular expression. The same holds after every punctuator that does not end a value.
 */
const BEFORE_VALUE = new Set(
  'await case default delete do else export in instanceof new of return throw typeof void yield'.split(' '),
);

export function readSource(text: string): Source {
  const reader = new Reader(text);
  reader.readUntil(undefined);
  return { text, tokens: reader.tokens, comments: reader.comments };
}

class Reader {
  readonly tokens: Token[] = [];
  readonly comments: Comment[] = [];
  readonly #text: string;
  readonly #brackets: string[] = [];
  /** How many templates this reader is nested in. */
  readonly #templates: number;
  #at = 0;
  #startsLine = true;

  constructor(text: string, at = 0, templates = 0) {
    this.#text = text;
    this.#at = at;
    this.#templates = templates;
  }

  /** Reads to the end of the text, or to the closing bracket whose opening bracket is before this reader's start. */
  readUntil(stop: '}' | undefined): number {
    while (this.#at < this.#text.length) {
      if (this.#skip()) continue;
      if (stop && this.#brackets.length === 0 && this.#text[this.#at] === stop) return this.#at + 1;
      this.#readToken();
    }
    if (stop || this.#brackets.length > 0) throw new Unreadable('it ends inside of brackets');
    return this.#at;
  }

  #skip(): boolean {
    const start = this.#at;
    const space = this.#take(SPACE);
    const comment = space === undefined ? this.#take(COMMENT) : undefined;
    if (comment !== undefined) this.comments.push({ text: comment, start, end: this.#at });
    const skipped = space ?? comment;
    if (skipped === undefined) return false;
    if (/[\r\n]/.test(skipped)) this.#startsLine = true;
    return true;
  }

  #readToken(): void {
    const start = this.#at;
    const kind = this.#takeToken();
    if (!kind) throw new Unreadable(`it cannot be read from ${JSON.stringify(this.#text.slice(start, start + 20))} on`);
    this.#push(kind, start);
  }

  #takeToken(): Token['kind'] | undefined {
    if (this.#text[this.#at] === '`') {
      this.#at = this.#endOfTemplate(this.#at);
      return 'template';
    }
    if (this.#take(WORD) !== undefined) return 'word';
    if (this.#take(STRING) !== undefined) return 'string';
    if (this.#expectsValue() && this.#take(REGEX) !== undefined) return 'regex';
    return this.#take(PUNCTUATOR) === undefined ? undefined : 'punctuator';
  }

  #push(kind: Token['kind'], start: number): void {
    const end = this.#at;
    const text = this.#text.slice(start, end);
    if (kind === 'punctuator' && CLOSING.includes(text)) this.#close(text);
    this.tokens.push({ kind, text, start, end, depth: this.#brackets.length, startsLine: this.#startsLine });
    if (kind === 'punctuator' && OPENING.includes(text)) this.#brackets.push(text);
    this.#startsLine = false;
  }

  #close(bracket: string): void {
    const opened = this.#brackets.pop();
    if (opened !== OPENING[CLOSING.indexOf(bracket)]) throw new Unreadable(`a ${bracket} closes nothing`);
  }

  #expectsValue(): boolean {
    const before = this.tokens.at(-1);
    if (!before) return true;
    if (before.kind === 'word') return BEFORE_VALUE.has(before.text);
    return before.kind === 'punctuator' && !CLOSING.includes(before.text);
  }

  #endOfTemplate(start: number): number {
    for (let at = start + 1; at < this.#text.length; ) {
      const character = this.#text[at];
      if (character === '`') return at + 1;
      if (character === '\\') at += 2;
      else if (character === '$' && this.#text[at + 1] === '{') at = this.#endOfInsertion(at + 2);
      else at += 1;
    }
    throw new Unreadable('it ends inside of a template literal');
  }

  #endOfInsertion(start: number): number {
    if (this.#templates === MAX_TEMPLATES) throw new Unreadable('it ends inside of too many templates');
    return new Reader(this.#text, start, this.#templates + 1).readUntil('}');
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }
}
