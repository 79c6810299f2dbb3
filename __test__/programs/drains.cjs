'use strict';

/** An ordinary server of streams, which does nothing about signals. Its arguments are the transport and its port. */
const { createServer } = require('node:http');
const { SSEService } = require('ssekit');
const { handleSSE } = require('ssekit/node');

const [transport, port = '0'] = process.argv.slice(2);
const sse = SSEService.configure({ transport, drain: { windowMs: 1_000, retryMs: 500 } });
const server = createServer((req, res) => handleSSE(req, res, { anonymous: true }));
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 1_024 }, () => process.send(server.address().port));
process.on('message', () => process.send(sse.stats()));
