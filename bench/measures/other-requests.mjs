/** What ssekit costs requests that are no streams: two servers with the same answer, one with ssekit, in turns. */
import { startPlain, startVisitors } from '../lib/processes.mjs';
import { summary } from '../lib/statistics.mjs';
import { processorTime } from '../lib/system.mjs';

const HOW = { path: '/other', connections: 32 };

/** Microseconds per request, medians over the rounds. `ratio` is the median of those within each round. */
export async function otherRequests(_, { requests, rounds }) {
  const servers = { with: await startPlain('with'), without: await startPlain('without') };
  const clients = await startVisitors();
  const times = { with: [], without: [] };
  try {
    await clients.ask('open', { port: servers.with.port, path: '/sse', clients: 1 });
    for (let round = 0; round <= rounds; round += 1) {
      for (const name of round % 2 ? ['with', 'without'] : ['without', 'with']) {
        const { port } = servers[name];
        const before = processorTime(servers[name].pids());
        await clients.ask('hammer', { ...HOW, port, requests });
        const time = (processorTime(servers[name].pids()) - before) / requests / 1_000;
        // The first one found cold code.
        if (round > 0) times[name].push(time);
      }
    }
  } finally {
    await Promise.all([servers.with, servers.without, clients].map((one) => one.stop()));
  }
  const ratios = times.with.map((time, round) => time / times.without[round]);
  const median = (values) => summary(values)?.median;
  return { with: median(times.with), without: median(times.without), ratio: median(ratios) };
}
