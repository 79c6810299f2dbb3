/**
 * `npm run soak -- --minutes N`: connects, sends and disconnects at random over real sockets, with both transports. It
 * watches memory, descriptors and counters, and checks that every client gets exactly its events.
 *
 * - `--minutes`: the duration. Default: 2.
 * - `--rate`: connections per second, over both transports. Default: 70, which is 126,000 in 30 minutes.
 * - `--clients`: the number of pages at a time. Default: 300.
 * - `--seed`: repeats the pages' choices. Default: a random one, which is printed.
 * - `--stalled`: measures the cost of stalled readers for the others instead, see soak/stalled.mjs.
 *
 * Prints a table with one line each minute. Fails when memory or descriptors have grown, when a client's sequence is wrong,
 * or when anything is left after all have gone.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { buildPackage } from './lib/package.mjs';
import { Failure, main } from './lib/run.mjs';
import { Bounds, mib } from './soak/bounds.mjs';

const TRANSPORTS = { handoff: 'auto', stream: 'stream' };
const USERS = 50;

const COLUMNS = [
  'minute',
  'transport',
  'connections',
  'clients',
  'away',
  'sent',
  'received',
  'resumed',
  'resets',
  'wrong',
  'MiB',
  'heap MiB',
  'spare fds',
];

/** So that what is left can be seen to go within the soak. */
const MAX_AGE_MS = 30_000;

await main(async () => {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '2' },
      rate: { type: 'string', default: '70' },
      clients: { type: 'string', default: '300' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
      stalled: { type: 'boolean', default: false },
    },
  });
  const options = Object.fromEntries(
    ['minutes', 'rate', 'clients', 'seed'].map((name) => [name, number(name, values)]),
  );
  await buildPackage();
  if (values.stalled) return (await import('./soak/stalled.mjs')).measureStalled();
  return soak(options);
});

function number(name, values) {
  const value = Number(values[name]);
  if (!Number.isFinite(value) || value < 0) throw new Failure(`--${name} wants a number, got ${values[name]}`);
  return value;
}

async function soak({ minutes, rate, clients, seed }) {
  // They import what has just been installed.
  const [{ Crowd }, { Random }, { Watched }] = await Promise.all(
    ['crowd', 'random', 'process'].map((name) => import(`./soak/${name}.mjs`)),
  );
  const warmMs = Math.min(180_000, Math.max(MAX_AGE_MS * 1.5, minutes * 60_000 * 0.2));
  const sides = [];
  try {
    for (const [name, transport] of Object.entries(TRANSPORTS)) {
      const configure = { transport, history: { maxAgeMs: MAX_AGE_MS }, heartbeatMs: 2_000, timeoutMs: 5_000 };
      const watched = await Watched.start(name, 'server.cjs', { configure, users: USERS, eventsPerSecond: 40 });
      const pages = { pages: clients / 2, users: USERS, perSecond: rate / 2 };
      const crowd = new Crowd(watched, new Random(seed + sides.length), pages);
      sides.push({ name, watched, crowd, bounds: new Bounds(warmMs), before: await watched.ask('sample') });
    }
    console.log(`seed ${seed}; warm-up ${warmMs / 1000} s; ${sides[0].bounds.text}\n`);
    for (const { crowd, watched } of sides) {
      await watched.ask('start');
      crowd.run();
    }
    await watch(sides, minutes * 60_000);
    await Promise.all(sides.map(conclude));
    return report(sides);
  } finally {
    for (const { watched } of sides) watched.stop();
  }
}

/** Samples every few seconds, and prints a line for each transport and minute. */
async function watch(sides, ms) {
  console.log(row(COLUMNS));
  const started = Date.now();
  const every = Math.min(10_000, ms / 12);
  for (let printed = 0; Date.now() - started < ms; ) {
    await delay(every);
    const samples = await Promise.all(sides.map(({ watched }) => watched.ask('sample')));
    for (const [index, sample] of samples.entries()) sides[index].bounds.add(sample);
    const minute = Math.floor((Date.now() - started) / 60_000);
    if (minute > printed) {
      printed = minute;
      for (const [index, sample] of samples.entries()) print(minute, sides[index], sample);
    }
    const wrong = sides.flatMap(({ crowd }) => crowd.complaints());
    if (wrong.length > 20) throw new Failure(`too much is wrong:\n${wrong.slice(0, 20).join('\n')}`);
  }
}

function print(minute, { name, crowd }, { stats, sent, rss, heapUsed, descriptors }) {
  const { received, resumed, resets } = crowd.totals;
  const counts = [crowd.connections, stats.clients, stats.away, sent, received, resumed, resets];
  console.log(
    row([minute, name, ...counts, crowd.complaints().length, mib(rss), mib(heapUsed), descriptors - stats.clients]),
  );
}

function row(cells) {
  return cells.map((cell, index) => String(cell).padStart(Math.max(9, COLUMNS[index].length))).join(' ');
}

/** Everybody gets the last event, goes, and leaves nothing behind. */
async function conclude(side) {
  const { watched, crowd, before } = side;
  await watched.ask('stop');
  await crowd.conclude((clients) => watched.ask('conclude', clients));
  const deadline = Date.now() + 2 * MAX_AGE_MS;
  const isClean = ({ stats, descriptors }) =>
    stats.clients === 0 && stats.away === 0 && stats.history.events === 0 && descriptors <= before.descriptors + 1;
  do {
    await delay(500);
    side.after = await watched.ask('sample');
  } while (!isClean(side.after) && Date.now() < deadline);
  side.isClean = isClean(side.after);
}

function report(sides) {
  const wrong = [];
  for (const { name, watched, crowd, bounds, before, after, isClean } of sides) {
    wrong.push(...crowd.complaints(), ...bounds.complaints(name), ...after.faults);
    if (watched.stderr) wrong.push(`${name} printed: ${watched.stderr}`);
    if (!isClean) wrong.push(`${name}: something is left: ${JSON.stringify(after)}`);
    const gone = Object.values(after.stats.disconnects).reduce((sum, count) => sum + count, 0);
    if (gone !== after.stats.connects) wrong.push(`${name}: ${after.stats.connects} came and ${gone} went`);
    const { received, resumed, resets } = crowd.totals;
    console.log(
      `\n${name}: ${crowd.connections} connections, ${after.sent} events, ${received} received, ${resumed} resumed, ` +
        `${resets} told of a gap; ${after.descriptors} descriptors at the end, ${before.descriptors} at the start; ` +
        `gone: ${JSON.stringify(after.stats.disconnects)}`,
    );
  }
  console.log(wrong.length > 0 ? `\n${wrong.slice(0, 50).join('\n')}\n\nsoak: failed` : '\nsoak: passed');
  return wrong.length > 0 ? 1 : 0;
}
