/**
 * Measures and writes the page: `main.mjs [--quick] [--row <start of a name>] [--contender <name>] [--render]`.
 *
 * Without options everything is measured and `results/` is written anew. `--row` measures those rows alone and leaves the other
 * ones in results.json as they are; `--quick` takes a few minutes and writes to .cache/bench; `--render` measures nothing.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadContenders } from './lib/contenders.mjs';
import { describeMachine, describePackages } from './lib/machine.mjs';
import { renderPage } from './lib/page.mjs';
import { plan } from './lib/plan.mjs';
import { runPlan } from './run.mjs';

export async function bench(args) {
  const { values: options } = parseArgs({ args, options: OPTIONS });
  const { quick, row = '', contender } = options;
  const folder = fileURLToPath(new URL(quick ? '../.cache/bench/' : './results/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'results.json');

  const all = await loadContenders();
  const contenders = all.filter((one) => !contender || one.name === contender).filter((one) => isAvailable(one));
  let results = row || contender || options.render ? readResults(file) : { samples: [] };
  if (!options.render) {
    const rows = plan({ quick }).filter(({ name }) => name.startsWith(row));
    const samples = await runPlan(rows, contenders, (line) => console.log(line));
    const replaced = (old) => samples.some((made) => made.row === old.row && made.contender === old.contender);
    results = {
      machine: describeMachine(),
      packages: describePackages(all),
      quick: quick === true,
      samples: [...results.samples.filter((old) => !replaced(old)), ...samples],
    };
    writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  }
  for (const [name, text] of Object.entries(renderPage(results, all))) writeFileSync(join(folder, name), text);
  console.log(`\nThe page is ${join(folder, 'README.md')}`);
}

function readResults(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { samples: [] };
}

const OPTIONS = {
  quick: { type: 'boolean' },
  row: { type: 'string' },
  contender: { type: 'string' },
  render: { type: 'boolean' },
};

function isAvailable(contender) {
  const reason = contender.unavailable?.();
  if (reason) console.log(`${contender.title} is left out: ${reason}`);
  return !reason;
}
