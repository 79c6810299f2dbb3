'use strict';

/** Two workers of Node's cluster behind one port. */
const cluster = require('node:cluster');
const { once } = require('node:events');
const { createServer } = require('node:http');
const { SSEService } = require('ssekit');
const { handleSSE } = require('ssekit/node');

const sse = SSEService.getInstance();

function serve() {
  createServer((req, res) => handleSSE(req, res, { anonymous: true })).listen(0, '127.0.0.1');
  process.on('message', (order) => {
    if (order === 'broadcast') sse.broadcast({ data: cluster.worker.id });
    process.send({ clients: sse.getActiveClients(), epoch: sse.stats().epoch });
  });
}

async function rule() {
  const workers = [cluster.fork(), cluster.fork()];
  const addresses = await Promise.all(workers.map((worker) => once(worker, 'listening')));
  process.send(addresses[0][0].port);

  const ask = async (worker, order) => {
    worker.send(order);
    return (await once(worker, 'message'))[0];
  };
  const orders = {
    look: async () => process.send(await Promise.all(workers.map((worker) => ask(worker, 'look')))),
    broadcast: async () => process.send(await ask(workers[0], 'broadcast')),
    end: () => {
      process.disconnect();
      cluster.disconnect();
    },
  };
  process.on('message', (order) => orders[order]());
}

if (cluster.isPrimary) rule();
else serve();
