/** Runs a measure of the benchmark, as small as it gets, with one server: `benchmark.mjs <file of the contender> <measure>`. */
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MEASURES } from '../../bench/measures/index.mjs';

const HOW = {
  broadcast: { clients: 20, count: 5 },
  throughput: { clients: 20, count: 50 },
  storm: { clients: 20, missed: 3 },
  fairness: { clients: 20, rounds: 2 },
  eventLoop: { clients: 20, count: 20 },
  restart: { stored: [20, 500] },
  histories: { clients: 4, rounds: 2, burst: 50 },
  channel: { clients: 30, members: 10, count: 5 },
  call: { clients: 2, sizes: [1024] },
};

const [file, measure] = process.argv.slice(2);
const { href } = pathToFileURL(file);
const contender = { ...(await import(href)), name: basename(file, '.mjs'), file: href };
const outcome = await MEASURES[measure](contender, HOW[measure]).catch((error) => ({ failed: error.message }));
process.send(outcome, () => process.disconnect());
