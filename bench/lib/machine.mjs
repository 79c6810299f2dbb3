/** The machine and the programs behind the numbers. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, release, totalmem } from 'node:os';

const root = new URL('../../', import.meta.url);

export function describeMachine() {
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    congestionControl: read('/proc/sys/net/ipv4/tcp_congestion_control'),
    node: process.version,
    rust: output('rustc', ['--version']),
    commit: output('git', ['rev-parse', '--short', 'HEAD']),
  };
}

/** Versions of what is measured. */
export function describePackages(contenders) {
  const inBench = createRequire(new URL('bench/package.json', root));
  const versions = { ssekit: createRequire(import.meta.url)('../../package.json').version };
  for (const name of contenders.flatMap(({ packages = [] }) => packages)) {
    versions[name] = JSON.parse(readFileSync(packageFile(inBench, name), 'utf8')).version;
  }
  const app = JSON.parse(readFileSync(new URL('bench/next-app/package.json', root), 'utf8'));
  versions.next = app.dependencies.next;
  for (const name of ['libnginx-mod-nchan', 'pushpin']) {
    const version = /^Version: (.*)$/m.exec(output('dpkg-query', ['--status', name]))?.[1];
    if (version) versions[name] = version;
  }
  return versions;
}

/** Not every package exports its package.json. */
function packageFile(require, name) {
  const folder = require.resolve.paths(name).map((path) => `${path}/${name}/package.json`);
  return folder.find((file) => read(file) !== '') ?? folder[0];
}

function read(file) {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}

function output(command, args) {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}
