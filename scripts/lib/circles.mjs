/** Finds circles of imports. A graph maps each file, by its path, to the set of files that it imports. */

/**
 * Circles between the parts of each folder, its files and its subfolders: a subfolder imports what its files import. A folder and
 * a file within it are not parts of one folder, so they make no circle.
 */
export function circlesBetweenParts(graph, separator) {
  const parts = new Map();
  for (const [from, targets] of graph) {
    for (const to of targets) {
      const [one, other] = [from.split(separator), to.split(separator)];
      const depth = one.findIndex((part, index) => part !== other[index]);
      if (depth < 0 || depth >= other.length) continue;
      const [source, target] = [one, other].map((path) => path.slice(0, depth + 1).join(separator));
      parts.set(source, (parts.get(source) ?? new Set()).add(target));
    }
  }
  return circlesOf(parts);
}

/** The shortest circle of each group of nodes that reach each other. */
function circlesOf(graph) {
  const circles = [...graph.keys()].map((node) => circleFrom(graph, node)).filter(Boolean);
  const shown = new Set();
  return circles
    .sort((one, other) => one.length - other.length)
    .filter((circle) => {
      const isNew = circle.every((node) => !shown.has(node));
      for (const node of circle) shown.add(node);
      return isNew;
    });
}

function circleFrom(graph, start) {
  const paths = [[start]];
  const seen = new Set();
  for (const path of paths) {
    for (const next of graph.get(path.at(-1)) ?? []) {
      if (next === start) return [...path, start];
      if (seen.has(next)) continue;
      seen.add(next);
      paths.push([...path, next]);
    }
  }
  return undefined;
}
