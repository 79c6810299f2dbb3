/** The place for a new import, or for a `require` in its stead. */
import { type Source, spanOf } from './source.js';

export interface Place {
  at: number;
  /** An insertion there follows other text on the same line. */
  isBehind: boolean;
  isAfterImport: boolean;
}

/** After the imports or the directives, or before the first statement and its comment. */
export function placeForImport(source: Source): Place {
  const { text, program } = source;
  const lastImport = program.body.findLast(({ type }) => type === 'ImportDeclaration');
  const isAfterImport = lastImport !== undefined;
  const previous = lastImport ?? program.directives.at(-1);
  if (!previous) return { at: beforeFirstStatement(source), isBehind: false, isAfterImport };
  const { end } = spanOf(previous);
  const [rest = ''] = text.slice(end).split(/[\r\n]/, 1);
  // A comment at the end of the line belongs to the line.
  const isComment = /^\s*(\/\/.*|\/\*.*\*\/\s*)$/.test(rest);
  return { at: isComment ? end + rest.trimEnd().length : end, isBehind: true, isAfterImport };
}

function beforeFirstStatement({ text, program, comments }: Source): number {
  const [first] = program.body;
  let at = first ? spanOf(first).start : text.length;
  for (const comment of comments.filter(({ end }) => end <= at).reverse()) {
    const isAttached = !/\n\s*\n/.test(text.slice(comment.end, at));
    // This comment counts only at the top of the file.
    if (!isAttached || /@ts-(no)?check/.test(comment.text)) break;
    at = comment.start;
  }
  return at;
}
