'use strict';

/** Starts and terminates workers that use the package, and sends what its own listeners were told. */
const { once } = require('node:events');
const { join } = require('node:path');
const { setTimeout: delay } = require('node:timers/promises');
const { Worker } = require('node:worker_threads');
const { SSEService } = require('ssekit');

const WORKERS = 50;

const sse = SSEService.getInstance();
const told = { connect: [], disconnect: [] };
for (const type of ['connect', 'disconnect']) sse.on(type, ({ clientId }) => told[type].push(clientId));

async function main() {
  const expected = [];
  for (let number = 0; number < WORKERS; number += 1) {
    const clientId = `worker-${number}`;
    expected.push(clientId);
    const workerData = { clientId, storm: number % 2 === 0 };
    const worker = new Worker(join(__dirname, 'worker.cjs'), { workerData });
    await once(worker, 'message');
    if (!sse.getActiveClients().includes(clientId)) throw new Error(`${clientId} is not there`);
    await worker.terminate();
    while (sse.getActiveClients().length > 0) await delay(1);
  }
  // A client of this thread's, whose coming and going the listeners are still told.
  await sse.connect(new Request('http://localhost/sse'), { anonymous: true, clientId: 'main' }).body.cancel();
  expected.push('main');
  while (told.disconnect.length < expected.length) await delay(1);
  process.send({ told, expected, stats: sse.stats() });
  process.disconnect();
}

main();
