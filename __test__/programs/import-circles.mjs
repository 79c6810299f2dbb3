/** Checks the imports of a folder as `npm run lint` does: `import-circles.mjs <rust or folders> <folder>`. Sends what lint would say. */
import { checkFolderImports } from '../../scripts/lib/folder-imports.mjs';
import { checkRustImports } from '../../scripts/lib/rust-imports.mjs';

const [kind, folder] = process.argv.slice(2);
let said = '';
try {
  if (kind === 'rust') checkRustImports([folder]);
  else checkFolderImports([folder]);
} catch (error) {
  said = error.message;
}
process.send(said, () => process.disconnect());
