/**
 * `npm run build`: the package, ready to be used and packed. `-- --debug` for an addon that compiles faster and runs slower. Other
 * arguments go to `napi build`, which knows how to build for another target.
 */
import { buildPackage } from './lib/package.mjs';
import { main } from './lib/run.mjs';

await main(() => {
  const napi = process.argv.slice(2).filter((argument) => argument !== '--debug');
  return buildPackage({ debug: process.argv.includes('--debug'), napi });
});
