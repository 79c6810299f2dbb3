/**
 * What a deploy looks like: pages that were there before come back at once. Their processor time, and what other requests wait meanwhile: in
 * two storms, because those requests take processor time as well.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { startHost, startVisitors } from '../lib/processes.mjs';
import { processorTime } from '../lib/system.mjs';

/** Other requests alone, for comparison. */
const REST_MS = 2_000;

export async function comeBack(contender, { clients, options = {} }) {
  const server = await (contender.start ?? (() => startHost(contender.file, options)))(options);
  const [pages, bystander] = await Promise.all([startVisitors(), startVisitors()]);
  const { port, path } = server;
  const storm = (count) => pages.ask('open', { port, path, clients: count });
  const away = async () => {
    await pages.ask('close');
    while ((await server.ask('clients')) > 0) await delay(10);
  };
  try {
    for (const count of [100, clients]) {
      await storm(count);
      await away();
    }
    const before = processorTime(server.pids());
    const seconds = await storm(clients);
    const processor = (processorTime(server.pids()) - before) / clients / 1e6;
    await away();
    const other = { port, path: contender.other };
    await bystander.ask('watch', other);
    await delay(REST_MS);
    const rest = await bystander.ask('watched');
    await server.ask('watchLoop');
    await bystander.ask('watch', other);
    await storm(clients);
    const during = await bystander.ask('watched');
    const stall = await server.ask('longestStall');
    return { processor, seconds, stall, restP99: rest.p99, p99: during.p99, longest: during.longest };
  } finally {
    await Promise.all([server, pages, bystander].map((one) => one.stop()));
  }
}
