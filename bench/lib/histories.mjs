/** Where ssekit keeps its history, for as long as some work takes: `await withHistory('file', (options) => …)`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { freePorts, missing, scratch } from './brokers.mjs';

const REDIS = '/usr/bin/redis-server';

/** By name: what the page calls it, the options of the server, and whether it needs a Redis. */
const HISTORIES = {
  memory: { title: 'in memory', options: () => ({}) },
  file: { title: 'in a folder', options: ({ folder }) => ({ backplane: { file: folder } }) },
  always: {
    title: "in a folder, `durability: 'always'`",
    options: ({ folder }) => ({ backplane: { file: folder, durability: 'always' } }),
  },
  redis: {
    title: 'in Redis, `appendfsync everysec`',
    options: ({ port }) => ({ backplane: { redis: `redis://127.0.0.1:${port}` } }),
    needsRedis: true,
  },
};

export const TITLES = Object.fromEntries(Object.entries(HISTORIES).map(([name, { title }]) => [name, title]));

/** Those that can be measured here. */
export function historiesHere() {
  const redis = missing(REDIS, 'redis-server');
  return Object.keys(HISTORIES).filter((name) => !(HISTORIES[name].needsRedis && redis));
}

export async function withHistory(name, work) {
  const { options, needsRedis } = HISTORIES[name];
  const folder = scratch('history');
  try {
    if (!needsRedis) return await work(options({ folder }));
    return await withRedis(folder, (port) => work(options({ port })));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** It writes to the disk as often as Redis recommends, because a history that is gone after each restart is another promise. */
async function withRedis(folder, work) {
  const [port] = await freePorts(1);
  const args = ['--port', port, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes'];
  const child = spawn(REDIS, [...args.map(String), '--appendfsync', 'everysec'], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  try {
    await listening(port, child);
    return await work(port);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

async function listening(port, child) {
  while (child.exitCode === null) {
    const socket = connect(port, '127.0.0.1');
    const isUp = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isUp) return;
    await delay(20);
  }
  throw new Error(`redis-server ended with ${child.exitCode}`);
}
