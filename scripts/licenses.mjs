/**
 * `npm run licenses`: writes THIRD-PARTY-LICENSES with cargo-about, as about.toml says. Run it after each change of Cargo.lock; it takes
 * a few minutes the first time, because it compiles cargo-about.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cache } from './lib/paths.mjs';
import { main, run } from './lib/run.mjs';
import { ensureTools } from './lib/system-tools.mjs';
import { checkThirdPartyLicenses, NOTICES, noticesOf, shippedCrates } from './lib/third-party-licenses.mjs';

const VERSION = '0.9.3';

await main(async () => {
  await ensureTools('cargo', 'cc');
  const home = join(cache, 'cargo');
  mkdirSync(home, { recursive: true });
  // Does nothing if that version is installed.
  const install = ['install', 'cargo-about', '--version', VERSION, '--locked', '--features', 'cli', '--root', home];
  await run('cargo', install);
  const report = join(home, 'about.json');
  const generate = ['generate', '--locked', '--fail', '--format', 'json', '--output-file', report];
  await run(join(home, 'bin', 'cargo-about'), generate);
  writeFileSync(NOTICES, noticesOf(JSON.parse(readFileSync(report, 'utf8')), await shippedCrates()));
  await checkThirdPartyLicenses();
});
