'use strict';

/** A server of streams that ends on request. Its arguments are the transport, and other options as JSON. */
const { createServer } = require('node:http');
const { SSEService } = require('ssekit');
const { handleSSE } = require('ssekit/node');

const sse = SSEService.configure({ transport: process.argv[2], ...JSON.parse(process.argv[3] ?? '{}') });

const server = createServer((req, res) => handleSSE(req, res, { anonymous: true }));
server.listen(0, '127.0.0.1', () => process.send(server.address().port));

/** Broadcasts as fast as the event loop turns, and calls back in the middle of it. */
function storm(then) {
  let turns = 0;
  const turn = () => {
    for (let i = 0; i < 20; i += 1) sse.broadcast({ data: { turns, i, text: 'x'.repeat(200) } });
    turns += 1;
    if (turns === 20) then();
    setImmediate(turn);
  };
  turn();
}

const orders = {
  stats: () => process.send(sse.stats()),
  broadcast: () => sse.broadcast({ data: 1 }),
  // More than the kernel takes for a peer that does not read.
  burst: () => {
    for (let i = 0; i < 100; i += 1) sse.broadcast({ data: 'x'.repeat(65_536) });
    process.send('sent');
  },
  close: () => {
    server.close();
    // That somebody may still give orders is no reason to stay.
    process.channel.unref();
  },
  exit: () => storm(() => process.exit(3)),
  throw: () =>
    storm(() => {
      throw new Error('thrown on purpose');
    }),
  storm: () => storm(() => process.send('in the middle of it')),
};

process.on('message', (order) => orders[order]());
