'use strict';

/** A worker's client and one of the main thread's, each sent to from the other's thread. */
const { once } = require('node:events');
const { join } = require('node:path');
const { Worker } = require('node:worker_threads');
const { SSEService } = require('ssekit');

const sse = SSEService.getInstance();

async function main() {
  const worker = new Worker(join(__dirname, 'worker.cjs'), { workerData: { clientId: 'its', userId: 'ada' } });
  await once(worker, 'message');
  const seen = { active: sse.getActiveClients(), ofAda: sse.getClientsByUser('ada') };

  const count = sse.sendToUser('ada', { data: 'from main' });
  const [{ text: received }] = await once(worker, 'message');

  const reader = sse.connect(new Request('http://localhost/sse'), { userId: 'grace' }).body.getReader();
  await reader.read();
  worker.postMessage({ sendToUser: 'grace', data: 'from the worker' });
  const { value } = await reader.read();

  const disconnected = sse.disconnectClient('its');
  const [{ over }] = await once(worker, 'message');
  await worker.terminate();
  process.send({ seen, count, received, sent: new TextDecoder().decode(value), disconnected, over });
  process.disconnect();
}

main();
