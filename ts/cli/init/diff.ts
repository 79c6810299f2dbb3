/** Shows a change to a file, in the format of `git apply` and `patch -p1`. */
import { FILE_HEADERS_ONLY, formatPatch, structuredPatch } from 'diff';

/** The number of unchanged lines shown around a change. */
const CONTEXT = 3;

/** `before` is missing if there is no file yet. The result has no line end at its end. */
export function unifiedDiff(path: string, before: string | undefined, after: string): string {
  const from = before === undefined ? '/dev/null' : `a/${path}`;
  const patch = structuredPatch(from, `b/${path}`, before ?? '', after, undefined, undefined, { context: CONTEXT });
  const mode = before === undefined ? `diff --git a/${path} b/${path}\nnew file mode 100644\n` : '';
  return mode + formatPatch(patch, FILE_HEADERS_ONLY).slice(0, -1);
}
