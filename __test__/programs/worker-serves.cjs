'use strict';

/** A worker's server of streams. On request, it is terminated and the main thread sends. */
const { once } = require('node:events');
const { join } = require('node:path');
const { Worker } = require('node:worker_threads');
const { SSEService } = require('ssekit');

const sse = SSEService.getInstance();
const worker = new Worker(join(__dirname, 'worker.cjs'), { workerData: { serve: true } });
once(worker, 'message').then(([{ port }]) => process.send(port));

const orders = {
  stats: () => process.send(sse.stats()),
  terminate: () => worker.terminate().then(() => process.send('terminated')),
  broadcast: () => process.send(sse.broadcast({ data: 'after all' })),
};

process.on('message', (order) => orders[order]());
