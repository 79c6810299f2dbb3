'use strict';

/**
 * A server of streams, and what its application does about signals. Its arguments are that, the transport, and other options as JSON.
 */
const { createServer } = require('node:http');
const { SSEService } = require('ssekit');
const { handleSSE } = require('ssekit/node');

const [habit, transport, options = '{}'] = process.argv.slice(2);

const habits = {
  'has no listener': () => {},
  'exits in its listener': () => process.exit(128 + 15),
  'exits with a code of its own': () => process.exit(7),
  'throws in its listener': () => {
    throw new Error('thrown on purpose');
  },
  'decides by itself': (signal) => process.send(`application: ${signal}`),
};

if (habit !== 'has no listener') for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, habits[habit]);

const sse = SSEService.configure({ transport, ...JSON.parse(options) });
const server = createServer((req, res) => handleSSE(req, res, { anonymous: true }));
server.listen(0, '127.0.0.1', () => process.send(server.address().port));

const orders = {
  stats: () => process.send(sse.stats()),
  pid: () => process.send(process.pid),
  exit: () => process.exit(5),
};

process.on('message', (order) => orders[order]());
