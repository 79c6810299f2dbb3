/**
 * `npm run demo:cluster`: builds ssekit and the example app, and runs it as a cluster: Redis, two servers, a BullMQ worker, and nginx
 * in front. PORT chooses nginx's port; else it is 3000 or the next free one. `--file` connects the processes by a folder instead of
 * Redis. `--app=folder` takes an app that is built already.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Cluster } from './lib/cluster.mjs';
import { buildExample, ensureExample } from './lib/example.mjs';
import { ensureNodeModules } from './lib/node-modules.mjs';
import { buildPackage } from './lib/package.mjs';
import { clusterExample, example } from './lib/paths.mjs';
import { choosePort } from './lib/ports.mjs';
import { main, SIGNALS, whenOrphaned } from './lib/run.mjs';
import { ensureTools } from './lib/system-tools.mjs';

await main(async () => {
  const { values } = parseArgs({ options: { app: { type: 'string' }, file: { type: 'boolean' } } });
  // Before everything else: a port that cannot be had need not be waited for.
  if (process.env.PORT) await choosePort();
  const tools = await ensureTools('nginx', ...(values.file ? [] : ['redis']));
  if (!values.app) {
    await buildPackage();
    await ensureExample();
    await buildExample();
  }
  await ensureNodeModules(clusterExample);

  const cluster = new Cluster(resolve(values.app ?? example), tools);
  let orphaned;
  const told = new Promise((tell) => {
    for (const signal of SIGNALS) process.on(signal, () => tell());
    orphaned = whenOrphaned(tell);
    process.once('disconnect', () => tell());
  });
  try {
    const started = cluster.start(await choosePort()).then(() => announce(cluster));
    // Told to end while they start, they are not waited for; that they then fail to start is no news.
    started.catch(() => {});
    await Promise.race([started, told]);
    const failure = await Promise.race([cluster.broken, told]);
    if (failure) throw failure;
  } finally {
    await cluster.end();
    clearInterval(orphaned);
    if (process.connected) process.disconnect();
  }
});

function announce({ url, nodes, redis, dir, pids }) {
  const servers = Object.entries(nodes)
    .sort()
    .map(([name, at]) => `${name} ${at}`);
  console.log(`\nThe cluster is at ${url} (Ctrl-C ends it)`);
  console.log(`Its servers: ${servers.join(', ')}; ${redis ? `Redis: ${redis}` : `their folder: ${dir}`}\n`);
  process.send?.({ url, nodes, redis, dir, pids });
}
