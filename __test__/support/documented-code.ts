/** A file of the documentation, as its page has it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export function documentedCode(page: string, file: string): string {
  const text = readFileSync(join(__dirname, '..', '..', 'docs', page), 'utf8');
  const start = text.indexOf(`\n// ${file}\n`);
  if (start < 0) throw new Error(`${page} has no ${file}`);
  return text.slice(start + 1, text.indexOf('\n```', start));
}
