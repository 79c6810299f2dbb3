/** One cell of Next.js: build it, start it, and let an event through. */
import { cpSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { anyPort } from '../lib/ports.mjs';
import { install, setUp, writeApp, writeConfig } from './app.mjs';
import { deliver } from './client.mjs';
import { command, Server } from './process.mjs';
import { nodeOf } from './tools.mjs';

/** The app that all cells of a line and a package manager share, installed. */
export async function makeApp(log, workspace, { line, manager }) {
  const folder = mkdtempSync(join(workspace, `next-${line}-${manager}-`));
  writeApp(folder, line);
  await install(log, workspace, folder, manager);
  writeConfig(folder, { config: 'none' });
  await setUp(log, folder);
  return folder;
}

/** Returns the transport that carried the cell's events. */
export async function runCell(log, workspace, folder, cell) {
  const node = await nodeOf(cell.node);
  rmSync(join(folder, '.next'), { recursive: true, force: true });
  writeConfig(folder, cell);
  if (cell.mode !== 'dev') await command(log, node, [next(folder), 'build', ...flags(cell)], { cwd: folder });

  if (cell.mode === 'standalone') return await runStandalone(log, workspace, folder, node);
  const port = await anyPort();
  const args = [next(folder), cell.mode, '--hostname', '127.0.0.1', '--port', String(port)];
  if (cell.mode === 'dev') args.push(...flags(cell));
  return await serve(log, node, args, { cwd: folder, port });
}

/** The copied folder alone: while it runs, the app that it was built from is not where it was. */
async function runStandalone(log, workspace, folder, node) {
  const copy = mkdtempSync(join(workspace, 'standalone-'));
  cpSync(join(folder, '.next', 'standalone'), copy, { recursive: true, verbatimSymlinks: true });
  const hidden = `${folder}-away`;
  renameSync(folder, hidden);
  try {
    const port = await anyPort();
    const env = { PORT: String(port), HOSTNAME: '127.0.0.1' };
    return await serve(log, node, ['server.js'], { cwd: copy, port, env });
  } finally {
    renameSync(hidden, folder);
    rmSync(copy, { recursive: true, force: true });
  }
}

async function serve(log, node, args, { port, ...options }) {
  const server = new Server(log, node, args, options);
  try {
    return await deliver(port, server);
  } finally {
    await server.stop();
  }
}

/** Chooses the bundler of a line of Next.js. */
function flags({ line, bundler }) {
  if (line === '16') return bundler === 'webpack' ? ['--webpack'] : [];
  if (bundler === 'webpack') return [];
  return [line === '15' ? '--turbopack' : '--turbo'];
}

function next(folder) {
  return createRequire(join(folder, 'package.json')).resolve('next/dist/bin/next');
}
