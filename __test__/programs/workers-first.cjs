'use strict';

/** Workers load the addon, one after the other, while the main thread has not; in the end it does. */
const { once } = require('node:events');
const { join } = require('node:path');
const { Worker } = require('node:worker_threads');

async function main() {
  const ofWorkers = [];
  for (let number = 0; number < 10; number += 1) {
    const worker = new Worker(join(__dirname, 'worker.cjs'), { workerData: {} });
    const [{ stats }] = await once(worker, 'message');
    ofWorkers.push(stats);
    await worker.terminate();
  }
  const { SSEService } = require('ssekit');
  process.send({ ofWorkers, ofMain: SSEService.getInstance().stats() });
  process.disconnect();
}

main();
