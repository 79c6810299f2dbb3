/**
 * `npm run bench`: measures ssekit beside others on this machine and writes bench/results. `-- --quick` takes a few minutes and
 * leaves the committed results alone; bench/main.mjs tells the other options.
 */
import { bench } from '../bench/main.mjs';
import { buildLoad, buildStorm } from './lib/benchmark.mjs';
import { ensureApp, nextIn } from './lib/example.mjs';
import { ensureNodeModules } from './lib/node-modules.mjs';
import { buildPackage } from './lib/package.mjs';
import { benchmark, benchmarkApp } from './lib/paths.mjs';
import { main, run } from './lib/run.mjs';

await main(async () => {
  await buildPackage();
  await buildLoad();
  await buildStorm();
  await ensureNodeModules(benchmark);
  await ensureApp(benchmarkApp);
  await run(process.execPath, nextIn(benchmarkApp, 'build'), {
    cwd: benchmarkApp,
    env: { NEXT_TELEMETRY_DISABLED: '1' },
  });
  await bench(process.argv.slice(2));
});
