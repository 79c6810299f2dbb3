/** `npm run build`: the package, ready to be used and packed. `-- --debug` for an addon that compiles faster and runs slower. */
import { buildPackage } from './lib/package.mjs';
import { main } from './lib/run.mjs';

await main(() => buildPackage({ debug: process.argv.includes('--debug') }));
