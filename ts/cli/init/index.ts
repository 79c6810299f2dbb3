/** `ssekit init [dir]`: puts ssekit into a Next.js app. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { readNextApp } from '../app/next-app.js';
import { painter, say as print, sayDiff, tell } from '../output.js';
import { atMostOne, CannotRun, EXIT, parseUsage } from '../usage.js';
import { staysWithin } from './confine.js';
import { type Plan, planFor } from './plan.js';
import { describeApp, describeSteps, diffOf, nextSteps } from './report.js';

export async function init(args: string[]): Promise<number> {
  const { values, positionals } = parseUsage({
    args,
    allowPositionals: true,
    options: { 'dry-run': { type: 'boolean', default: false } },
  });
  const app = readNextApp(resolve(atMostOne('folder', positionals) ?? '.'));
  if (typeof app === 'string') throw new CannotRun(app);
  const isDryRun = values['dry-run'];
  const plan = planFor(app);
  if (!isDryRun) write(app.folder, plan);
  // Only the diff goes into a pipe: `ssekit init --dry-run | git apply`.
  const say = isDryRun ? tell : print;
  say(`${describeApp(app)}\n\n${describeSteps(plan, isDryRun, painter(isDryRun ? process.stderr : process.stdout))}\n`);
  const diff = isDryRun ? diffOf(plan) : '';
  if (diff !== '') sayDiff(diff);
  const hasChanged = plan.steps.some(({ after }) => after !== undefined);
  const isDone = plan.steps.every(({ kind }) => kind !== 'refuse');
  if (!hasChanged) say(isDone ? 'Everything is in place: nothing was changed.' : 'Nothing was changed.');
  else if (!isDryRun) say(nextSteps(app, plan));
  return isDone ? EXIT.ok : EXIT.problems;
}

function write(folder: string, { steps }: Plan): void {
  for (const { path, kind, after } of steps) {
    if (after === undefined) continue;
    // The path was checked for the plan. Since then, another step or another program may have put a link there.
    if (!staysWithin(folder, path)) throw new CannotRun(`${path}: a symbolic link leads out of the app here`);
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    // A file that has appeared in the meantime is not overwritten.
    writeFileSync(file, after, { flag: kind === 'create' ? 'wx' : 'w' });
  }
}
