/** Shows a change to a file, in the format of `git apply` and `patch -p1`. */

/** How many unchanged lines are shown around a change. */
const CONTEXT = 3;

type Line = [sign: ' ' | '-' | '+', text: string];

/** `before` is missing if there is no file yet. */
export function unifiedDiff(path: string, before: string | undefined, after: string): string {
  const lines = compare(linesOf(before ?? ''), linesOf(after));
  const head = [`--- ${before === undefined ? '/dev/null' : `a/${path}`}`, `+++ b/${path}`];
  const mode = before === undefined ? [`diff --git a/${path} b/${path}`, 'new file mode 100644'] : [];
  return [...mode, ...head, ...hunks(lines)].join('\n');
}

/** A last line without a line end is marked, as in diff. */
function linesOf(text: string): string[] {
  const lines = text.split('\n');
  const last = lines.pop();
  return last ? [...lines, `${last}\n\\ No newline at end of file`] : lines;
}

/** The shortest edit from one to the other, by the longest common subsequence. */
function compare(before: string[], after: string[]): Line[] {
  const lengths = commonLengths(before, after);
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const [old, new_] = [before[i], after[j]];
    if (old !== undefined && old === new_) {
      lines.push([' ', old]);
      i += 1;
      j += 1;
    } else if (old !== undefined && at(lengths, i + 1, j) >= at(lengths, i, j + 1)) {
      lines.push(['-', old]);
      i += 1;
    } else {
      lines.push(['+', new_ as string]);
      j += 1;
    }
  }
  return lines;
}

/** Entry `[i][j]`: how many lines the remainders from there have in common. */
function commonLengths(before: string[], after: string[]): number[][] {
  const lengths = Array.from({ length: before.length + 1 }, () => new Array<number>(after.length + 1).fill(0));
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      const isCommon = before[i] === after[j];
      const best = isCommon ? at(lengths, i + 1, j + 1) + 1 : Math.max(at(lengths, i + 1, j), at(lengths, i, j + 1));
      (lengths[i] as number[])[j] = best;
    }
  }
  return lengths;
}

function at(lengths: number[][], i: number, j: number): number {
  return lengths[i]?.[j] ?? 0;
}

function hunks(lines: Line[]): string[] {
  const changed = lines.flatMap(([sign], index) => (sign === ' ' ? [] : [index]));
  const ranges: [from: number, to: number][] = [];
  for (const index of changed) {
    const last = ranges.at(-1);
    if (last && index - last[1] <= 2 * CONTEXT) last[1] = index;
    else ranges.push([index, index]);
  }
  return ranges.flatMap(([from, to]) =>
    hunk(lines, Math.max(0, from - CONTEXT), Math.min(lines.length, to + CONTEXT + 1)),
  );
}

function hunk(lines: Line[], from: number, to: number): string[] {
  const count = (slice: Line[], sign: '-' | '+'): number => slice.filter(([of]) => of === ' ' || of === sign).length;
  const range = (sign: '-' | '+'): string => {
    const length = count(lines.slice(from, to), sign);
    // An empty range starts at the line before it.
    return `${sign}${count(lines.slice(0, from), sign) + (length === 0 ? 0 : 1)},${length}`;
  };
  return [`@@ ${range('-')} ${range('+')} @@`, ...lines.slice(from, to).map(([sign, text]) => sign + text)];
}
