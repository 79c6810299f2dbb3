/** The versions of Node.js, of other runtimes and of pnpm that the matrix needs, from the npm registry; kept in `.cache`. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { bin, npm } from '../lib/node-modules.mjs';
import { cache } from '../lib/paths.mjs';
import { installOnce } from '../lib/stamps.mjs';
import { NODES, PNPM, RUNTIMES } from './lines.mjs';

/** The program of a major version of Node.js. */
export async function nodeOf(major) {
  if (process.versions.node.split('.')[0] === String(major)) return process.execPath;
  const home = await installed('node', NODES[major]);
  return join(home, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
}

/** pnpm's script, to be started with Node.js. */
export async function pnpmScript() {
  return join(await installed('pnpm', PNPM), 'node_modules', 'pnpm', 'bin', 'pnpm.cjs');
}

/** The command that starts a script in another runtime, with no more rights than it needs if the runtime asks for them. */
export async function runtimeOf(name) {
  const home = await installed(name, RUNTIMES[name]);
  // Deno's is a script of Node.js that finds the platform's program; Bun's is the program.
  if (name === 'deno') return [process.execPath, bin('deno', 'deno', home), 'run', '--allow-net=127.0.0.1'];
  return [bin('bun', 'bun', home), 'run'];
}

const installations = new Map();

/** Two groups of cells run at a time, and may want the same tool. */
function installed(name, version) {
  const known = installations.get(name + version) ?? installInto(name, version);
  installations.set(name + version, known);
  return known;
}

async function installInto(name, version) {
  const home = join(cache, 'matrix', `${name}-${version}`);
  await installOnce(join(home, '.ssekit-stamp'), [name, version, process.platform, process.arch], async () => {
    mkdirSync(home, { recursive: true });
    // The package `node` fetches the platform's program in its install script.
    const options = ['--no-save', '--no-audit', '--no-fund', '--loglevel=error', '--ignore-scripts=false'];
    await npm(['install', '--prefix', home, ...options, `${name}@${version}`], { cwd: home, stdout: 'capture' });
  });
  return home;
}
