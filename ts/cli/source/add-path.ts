/** Adds an entry to the `paths` of a tsconfig.json, and leaves the rest as it is. */
import { insert, type Outcome, refused } from './edit.js';
import { type JsonObject, readJsonc } from './jsonc.js';
import { Unreadable } from './tokens.js';

export function addPath(text: string, pattern: string, target: string): Outcome {
  try {
    const root = readJsonc(text);
    const entry = `${JSON.stringify(pattern)}: [${JSON.stringify(target)}]`;
    const options = root.properties.get('compilerOptions');
    if (!options) return withProperty(text, root, `"compilerOptions": { "paths": { ${entry} } }`);
    if (options.kind !== 'object') return refused('its compilerOptions are no object');
    const paths = options.properties.get('paths');
    if (!paths) return withProperty(text, options, `"paths": { ${entry} }`);
    return paths.kind === 'object' ? withProperty(text, paths, entry) : refused('its paths are no object');
  } catch (error) {
    if (error instanceof Unreadable) return refused(error.message);
    throw error;
  }
}

/** Adds the first property, on its own line if the others have their own lines. */
function withProperty(text: string, object: JsonObject, property: string): Outcome {
  const at = object.start + 1;
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n';
  if (object.properties.size === 0) {
    return { kind: 'changed', text: insert(text, [{ at, text: `${lineEnd}  ${property}${lineEnd}` }]) };
  }
  const space = /^\s*/.exec(text.slice(at))?.[0] ?? '';
  const indent = space.includes('\n') ? lineEnd + (space.split('\n').at(-1) ?? '') : ' ';
  return { kind: 'changed', text: insert(text, [{ at, text: `${indent}${property},` }]) };
}
