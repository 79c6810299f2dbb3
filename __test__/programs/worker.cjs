'use strict';

/** A worker thread that uses the package as its `workerData` says, and tells its parent what comes of it. */
const { createServer } = require('node:http');
const { parentPort, workerData } = require('node:worker_threads');
const { SSEService } = require('ssekit');
const { handleSSE } = require('ssekit/node');

const { clientId, userId, channels, storm, serve } = workerData;
const sse = SSEService.getInstance();
sse.on('connect', () => {}).on('disconnect', () => {});
sse.broadcast({ data: `from the worker of ${clientId}` });

/** Tells whatever its stream has, as it comes. */
async function read() {
  const decoder = new TextDecoder();
  const client = { clientId, userId, channels, anonymous: true };
  const { body } = sse.connect(new Request('http://localhost/sse'), client);
  for await (const bytes of body) parentPort.postMessage({ text: decoder.decode(bytes, { stream: true }) });
  parentPort.postMessage({ over: true });
}

function broadcastForEver() {
  for (let i = 0; i < 10; i += 1) sse.broadcast({ data: i });
  setImmediate(broadcastForEver);
}

if (clientId) read();
if (storm) broadcastForEver();
if (serve) {
  const server = createServer((req, res) => handleSSE(req, res, { anonymous: true }));
  server.listen(0, '127.0.0.1', () => parentPort.postMessage({ port: server.address().port }));
}
if (!clientId && !serve) parentPort.postMessage({ stats: sse.stats() });

parentPort.on('message', ({ sendToUser, sendToChannel, data }) => {
  if (sendToUser) sse.sendToUser(sendToUser, { data });
  if (sendToChannel) sse.sendToChannel(sendToChannel, { data });
});
