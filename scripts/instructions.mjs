/**
 * `npm run instructions`: counts the instructions of the engine's paths, and fails where one takes more than is committed.
 * `-- --write` makes the counts the new measure.
 *
 * A clock tells little on a machine that does other work as well. So valgrind executes the program and counts its instructions:
 * two runs of one program differ by a few of a thousand, whatever else the machine does. Each path is run
 * N times and 2 N times, so that the cost of starting does not count. Machines of one target may still differ in the C library,
 * which chooses its code by the processor, and in the compiler, which the measure names.
 *
 * Ends with the line `N passed, N failed`.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './lib/paths.mjs';
import { Failure, main, run } from './lib/run.mjs';
import { ensureTools } from './lib/system-tools.mjs';

const MEASURE = join(root, 'crates', 'ssekit-core', 'benches', 'instructions.json');

/** A count above the measure by more than this is a regression; a count as far below asks for a new measure. */
const TOLERANCE = 0.05;
/** For another compiler, whose strengths and weaknesses nobody knows. */
const TOLERANCE_OF_OTHER_COMPILERS = 0.25;

/** A delivery must not cost more because others are connected: these two are the same path, with few clients and with many. */
const [OF_FEW, OF_MANY] = ['deliver a broadcast to one more client', 'deliver a broadcast to one more client of 9,000'];
const TOLERANCE_OF_GROWTH = 0.15;

/**
 * A delivery to a member of a channel must not cost more than 1.15 of a broadcast's to as many clients. That is with the kernel's
 * part, which is nearly all of it and which valgrind does not count: `npm run bench -- --row channel` measures it. So the
 * engine's own part may be several times a broadcast's, and a look at each of the client's logs is in it.
 */
const [OF_BROADCAST, OF_CHANNEL] = [
  'deliver a broadcast to one more client of 2,000',
  "deliver a channel's event to one more member of 2,000",
];
const MOST_OF_CHANNELS = 3;

/**
 * The number of times a path is run. The cost of starting differs between two runs, because their hash tables have other seeds:
 * 9,000 clients take about 90 million instructions, with a spread of half a million. That spread has to be less than one
 * instruction of each time, so a path with many clients is run many times.
 */
const TIMES = {
  [OF_FEW]: 100_000,
  [OF_BROADCAST]: 200_000,
  [OF_MANY]: 900_000,
  [OF_CHANNEL]: 200_000,
  'read 256 missed events': 40,
};
const USUAL_TIMES = 2_000;

await main(async () => {
  if (process.platform !== 'linux') {
    console.log('Instructions are counted on Linux only.\n\n0 passed, 0 failed');
    return 0;
  }
  const { valgrind } = await ensureTools('cargo', 'cc', 'valgrind');
  const program = await build();
  const names = (await capture(program, [])).trim().split('\n');
  const counts = {};
  for (const name of names) counts[name] = await count(valgrind, program, name);
  const rustc = await capture('rustc', ['-vV']);
  const target = /^host: (.*)$/m.exec(rustc)[1];
  const found = { rustc: /^release: (.*)$/m.exec(rustc)[1], counts };
  if (process.argv.includes('--write')) return write(target, found);
  return compare(target, found, read()[target]);
});

async function build() {
  const args = [
    'bench',
    '-p',
    'ssekit-core',
    '--bench',
    'instructions',
    '--no-run',
    '--locked',
    '--message-format=json',
  ];
  const messages = (await capture('cargo', args))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const made = messages.find(({ target, executable }) => target?.name === 'instructions' && executable);
  if (!made) throw new Failure('cargo built no program to count');
  return made.executable;
}

/** Instructions of one time. */
async function count(valgrind, program, name) {
  const times = TIMES[name] ?? USUAL_TIMES;
  const [once, twice] = [
    await collected(valgrind, program, name, times),
    await collected(valgrind, program, name, 2 * times),
  ];
  return Math.round((twice - once) / times);
}

async function collected(valgrind, program, name, times) {
  // The log goes to standard output, which the program itself does not use here.
  const args = ['--tool=callgrind', '--callgrind-out-file=/dev/null', '--log-fd=1', program, name, String(times)];
  const total = /Collected : (\d+)/.exec(await capture(valgrind, args))?.[1];
  if (!total) throw new Failure(`valgrind has counted nothing for "${name}"`);
  return Number(total);
}

function capture(command, args) {
  return run(command, args, { stdout: 'capture' });
}

function read() {
  return existsSync(MEASURE) ? JSON.parse(readFileSync(MEASURE, 'utf8')) : {};
}

function write(target, found) {
  writeFileSync(MEASURE, `${JSON.stringify({ ...read(), [target]: found }, null, 2)}\n`);
  console.log(`${MEASURE} has the counts of ${target} now.`);
}

function compare(target, { rustc, counts }, measure) {
  if (!measure) console.log(`No counts are committed for ${target}: run \`npm run instructions -- --write\`.`);
  else if (measure.rustc !== rustc)
    console.log(`Counted with rustc ${rustc}, the measure with ${measure.rustc}: a rough check.`);
  const tolerance = measure?.rustc === rustc ? TOLERANCE : TOLERANCE_OF_OTHER_COMPILERS;
  let failed = 0;
  for (const [name, now] of Object.entries(counts)) {
    const before = measure?.counts[name] ?? now;
    const change = now / before - 1;
    const verdict = change > tolerance ? 'MORE' : change < -tolerance ? 'less: commit it by --write' : 'as before';
    if (change > tolerance) failed += 1;
    console.log(`${String(now).padStart(8)} ${`${(change * 100).toFixed(1)} %`.padStart(8)}  ${name}: ${verdict}`);
  }
  const growth = counts[OF_MANY] / counts[OF_FEW] - 1;
  const grows = growth > TOLERANCE_OF_GROWTH;
  if (grows) failed += 1;
  const percent = `${(growth * 100).toFixed(1)} %`;
  console.log(
    `${percent.padStart(17)}  from few clients to 9,000: ${grows ? 'A DELIVERY COSTS MORE' : 'a delivery costs the same'}`,
  );
  const ratio = counts[OF_CHANNEL] / counts[OF_BROADCAST];
  const costs = ratio > MOST_OF_CHANNELS;
  if (costs) failed += 1;
  console.log(
    `${ratio.toFixed(2).padStart(17)}  times a broadcast's delivery for a channel's: ${costs ? 'A CHANNEL COSTS MORE' : 'within bounds'}`,
  );
  console.log(`\n${Object.keys(counts).length + 2 - failed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}
