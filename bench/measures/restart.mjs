/**
 * The time a returning client waits for the events that it has missed, when its server has just started on a folder with few events,
 * and with many. It runs from the start of the server's process to the client's last missed event.
 */
import { rmSync } from 'node:fs';
import { scratch } from '../lib/brokers.mjs';
import { startHost, startLoad } from '../lib/processes.mjs';
import { memory } from '../lib/system.mjs';

const MISSED = 10;
/** Events at a time: more would wait in memory. */
const PIECE = 10_000;
const PATIENCE_MS = 120_000;

/** `stored`: the numbers of events in the folder. */
export async function restart(contender, { stored, options = {} }) {
  const times = {};
  for (const events of stored) {
    const folder = scratch('restart');
    const backplane = { file: folder, maxEvents: 2 * Math.max(...stored), maxBytes: 2 ** 32 };
    try {
      times[events] = await after(contender, events, { ...options, backplane });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return times;
}

/** Seconds, and bytes of memory. */
async function after(contender, events, options) {
  const lastEventId = await fill(contender, events, options);
  const from = process.hrtime.bigint();
  const server = await startHost(contender.file, options);
  const load = startLoad();
  try {
    const { port, path } = server;
    const headers = `Last-Event-ID: ${lastEventId}\r\n`;
    const how = { port, path, headers, clients: 1, atATime: 1, next: 1, patienceMs: PATIENCE_MS };
    // The missed events may come with the head of the response.
    const atOnce = await load.ask('connect', how);
    await load.ask('expect', { end: MISSED + 1 });
    const { complete, lastAt, ...later } = await load.ask('collect', { targeted: 0, patienceMs: PATIENCE_MS });
    const [received, wrong] = [atOnce.events + later.events, atOnce.wrong + later.wrong];
    if (complete !== 1 || received !== MISSED || wrong !== 0) {
      throw new Error(
        `${contender.title}: the client has ${received} of ${MISSED} missed events, ${wrong} out of order`,
      );
    }
    return { seconds: (lastAt - Number(from)) / 1e9, memory: memory(server.pids()) };
  } finally {
    await Promise.all([server.stop(), load.stop()]);
  }
}

/** Sends the events; the client will miss the last ones. Returns the id of the one before. */
async function fill(contender, events, options) {
  const server = await startHost(contender.file, options);
  try {
    for (let left = events - MISSED; left > 0; left -= PIECE) {
      await server.ask('fill', { count: Math.min(left, PIECE), bytes: 150 });
    }
    const lastEventId = await server.ask('lastEventId');
    await server.ask('broadcast', { first: 1, count: MISSED, intervalMs: 0, bytes: 150 });
    await server.ask('flush');
    return lastEventId;
  } finally {
    await server.stop();
  }
}
