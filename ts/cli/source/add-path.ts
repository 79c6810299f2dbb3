/**
 * Adds an entry to the `paths` of a tsconfig.json, and leaves the rest as it is. jsonc-parser only finds the place, because its
 * own changes would also format what is around them.
 */
import { attempt, insert, lineEndOf, type Outcome, refused } from './edit.js';
import { type JsonNode, propertyOf, readJsonc } from './jsonc.js';

export function addPath(text: string, pattern: string, target: string): Outcome {
  return attempt(() => {
    const root = readJsonc(text);
    const entry = `${JSON.stringify(pattern)}: [${JSON.stringify(target)}]`;
    const options = propertyOf(root, 'compilerOptions');
    if (!options) return withProperty(text, root, `"compilerOptions": { "paths": { ${entry} } }`);
    if (options.type !== 'object') return refused('its compilerOptions are not an object');
    const paths = propertyOf(options, 'paths');
    if (!paths) return withProperty(text, options, `"paths": { ${entry} }`);
    return paths.type === 'object' ? withProperty(text, paths, entry) : refused('its paths are not an object');
  });
}

/** Adds the first property, on its own line if the others have their own lines. */
function withProperty(text: string, object: JsonNode, property: string): Outcome {
  const at = object.offset + 1;
  const lineEnd = lineEndOf(text);
  if (!object.children?.length) return insert(text, [{ at, text: `${lineEnd}  ${property}${lineEnd}` }]);
  const space = /^\s*/.exec(text.slice(at))?.[0] ?? '';
  const indent = space.includes('\n') ? lineEnd + (space.split('\n').at(-1) ?? '') : ' ';
  return insert(text, [{ at, text: `${indent}${property},` }]);
}
