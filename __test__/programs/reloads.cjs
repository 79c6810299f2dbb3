'use strict';

/** Loads the package anew many times, as hot reloads and test runners do, and sends what is left of it. */
const { join } = require('node:path');
const { setTimeout: delay } = require('node:timers/promises');

const root = join(__dirname, '..', '..');

/** A new generation of the JavaScript; the addon is the same for the whole process. */
function load() {
  for (const path of Object.keys(require.cache)) {
    if (path.startsWith(join(root, 'dist')) || path === join(root, 'index.js')) delete require.cache[path];
  }
  // Node itself remembers what has required what.
  for (const loaded of [module, ...Object.values(require.cache)]) loaded.children.length = 0;
  return require('ssekit').SSEService;
}

/** The same in each generation, as a module that configures the service has it. */
const OPTIONS = { heartbeatMs: 1000 };

const request = () => new Request('http://localhost/sse');

/** The work of one generation. A stream that is still open belongs to the page, and survives. */
async function live(SSEService) {
  const sse = SSEService.configure(OPTIONS);
  const listener = () => {};
  sse.on('connect', listener).on('disconnect', listener);
  sse.broadcast({ data: 1 });
  const reader = sse.connect(request(), { anonymous: true }).body.getReader();
  await reader.read();
  await reader.cancel();
  sse.off('connect', listener).off('disconnect', listener);
}

async function liveAll(generations) {
  const classes = new Set();
  for (let generation = 0; generation < generations; generation += 1) {
    const SSEService = load();
    classes.add(new WeakRef(SSEService));
    await live(SSEService);
  }
  return [...classes];
}

async function collected() {
  for (let round = 0; round < 5; round += 1) {
    globalThis.gc();
    await delay(1);
  }
  return process.memoryUsage().heapUsed;
}

async function main() {
  const first = load().configure(OPTIONS);
  const told = [];
  first.on('connect', ({ clientId }) => told.push(clientId));
  const reader = first.connect(request(), { anonymous: true, clientId: 'lasting' }).body.getReader();
  await reader.read();

  const sizes = [];
  let generations = [];
  for (let hundred = 0; hundred < 4; hundred += 1) {
    generations = await liveAll(100);
    sizes.push(await collected());
  }

  const last = load().getInstance();
  const active = last.getActiveClients();
  last.sendToClient('lasting', { data: 'from the last generation' });
  // Behind what all generations have broadcast.
  let received = '';
  while (!received.includes('generation')) received = new TextDecoder().decode((await reader.read()).value);
  while (told.length < 401) await delay(1);
  process.send({
    active,
    received: received.match(/^data: "from.*$/m)?.[0],
    told: told.length,
    epochs: [first, last].map((sse) => sse.stats().epoch),
    transports: last.stats().transports,
    alive: generations.filter((generation) => generation.deref()).length,
    // Out of a hundred: a leak repeats each time, while the engine itself keeps something only now and then.
    growth: (sizes[3] - sizes[0]) / 3,
  });
  process.disconnect();
}

main();
