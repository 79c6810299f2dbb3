'use strict';

/** A channel with a client in a worker and one in the main thread, each sent to from the other's thread. */
const { once } = require('node:events');
const { join } = require('node:path');
const { Worker } = require('node:worker_threads');
const { SSEService } = require('ssekit');

const sse = SSEService.getInstance();
const nameIn = (text) => /^event: (.*)$/m.exec(text)?.[1];

async function main() {
  const workerData = { clientId: 'its', userId: 'ada', channels: ['its own'] };
  const worker = new Worker(join(__dirname, 'worker.cjs'), { workerData });
  await once(worker, 'message');
  sse.subscribe({ clientId: 'its' }, 'from main');
  const [{ text: told }] = await once(worker, 'message');
  const seen = { channels: sse.getChannels().sort(), clients: sse.getClientsByChannel('its own') };
  const count = sse.sendToChannel('its own', { event: 'n', data: 'from main' });
  const [{ text: received }] = await once(worker, 'message');

  const options = { userId: 'grace', channels: ['shared'] };
  const reader = sse.connect(new Request('http://localhost/sse'), options).body.getReader();
  await reader.read();
  worker.postMessage({ sendToChannel: 'shared', data: 'from the worker' });
  const { value } = await reader.read();

  await worker.terminate();
  process.send({ seen, count, received, subscribed: nameIn(told), sent: new TextDecoder().decode(value) });
  process.disconnect();
}

main();
