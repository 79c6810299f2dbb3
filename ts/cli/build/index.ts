/** `ssekit build`: builds the native part if no binary fits, for package managers that run no install scripts. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { say } from '../output.js';
import { PACKAGE_ROOT } from '../package-root.js';
import { EXIT, parseUsage } from '../usage.js';

const SCRIPT = join(PACKAGE_ROOT, 'scripts', 'install.cjs');

export async function build(args: string[]): Promise<number> {
  parseUsage({ args, options: {} });
  const { status } = spawnSync(process.execPath, [SCRIPT, '--required'], { stdio: 'inherit' });
  if (status !== 0) return EXIT.problems;
  say(`ssekit has its native part for ${process.platform} ${process.arch}`);
  return EXIT.ok;
}
