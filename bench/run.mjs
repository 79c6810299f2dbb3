/** Runs a plan and gives back every sample: `{ row, contender, repeat, values }`. */
import { MEASURES } from './measures/index.mjs';

export async function runPlan(rows, contenders, tell) {
  const samples = [];
  const most = Math.max(...rows.map(({ repeats }) => repeats));
  for (let repeat = 0; repeat < most; repeat += 1) {
    for (const row of rows.filter(({ repeats }) => repeat < repeats)) {
      for (const contender of rotated(
        contenders.filter((one) => isFor(row, one)),
        repeat,
      )) {
        tell(`${row.name}, ${contender.title}, ${repeat + 1} of ${row.repeats}`);
        samples.push({ row: row.name, contender: contender.name, repeat, values: await sample(row, contender, tell) });
      }
    }
  }
  return samples;
}

function isFor({ of, how }, contender) {
  return of(contender) && (how.clients ?? 0) <= (contender.most ?? Number.POSITIVE_INFINITY);
}

/** A failure is reported, and the others are measured all the same: a peer may not withstand the load. */
async function sample(row, contender, tell) {
  try {
    return await MEASURES[row.measure](contender, row.how);
  } catch (error) {
    tell(`  failed: ${error.message}`);
    return { failed: error.message };
  }
}

function rotated(list, by) {
  const start = by % Math.max(1, list.length);
  return [...list.slice(start), ...list.slice(0, start)];
}
