'use strict';

/** An ordinary server of streams that ignores signals. Its arguments are the transport and its port; it reports a listener's port. */
const { createServer } = require('node:http');
const { SSEService } = require('ssekit');
const { handleSSE } = require('ssekit/node');

const [transport, port = '0'] = process.argv.slice(2);
const sse = SSEService.configure({ transport, drain: { windowMs: 1_000, retryMs: 500 } });
const server = createServer((req, res) => handleSSE(req, res, { anonymous: true }));
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 1_024 }, () => process.send(server.address().port));

const orders = {
  stats: () => process.send(sse.stats()),
  listen: async () => process.send((await sse.listen({ port: 0, anonymous: true })).port),
  // The signal comes while all of it is still on its way.
  'send 2000 events and end': () => {
    for (let number = 0; number < 2_000; number += 1) sse.broadcast({ data: { number } });
    process.kill(process.pid, 'SIGTERM');
  },
};

process.on('message', (order) => orders[order]());
