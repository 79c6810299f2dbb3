/** ssekit as a server of the benchmark. */
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { listen } from './listen.mjs';

const require = createRequire(import.meta.url);

export async function serveSSEKit(options) {
  const { SSEService } = require('../../index.js');
  const { handleInspector, handleSSE } = require('../../dist/node/index.js');
  const sse = SSEService.configure(options);
  // A history elsewhere is joined first.
  await sse.ready();
  const server = createServer((req, res) => {
    if (req.url === '/inspector') return handleInspector(req, res, { authorize: () => ({ data: true }) });
    const { searchParams } = new URL(req.url, 'http://localhost');
    handleSSE(req, res, { userId: searchParams.get('user'), channels: searchParams.getAll('channel') });
  });
  return { port: await listen(server), path: '/?user={i}', ...methodsOf(sse, options.transport ?? 'handoff') };
}

export function methodsOf(sse, transport) {
  return {
    broadcast: (event) => sse.broadcast(event),
    sendToChannel: (channel, event) => sse.sendToChannel(channel, event),
    sendToUser: (userId, event) => sse.sendToUser(userId, event),
    /** Clients that are where they stay. */
    clients: () => sse.stats().transports[transport],
    flush: () => sse.flush(),
    lastEventId: () => `${sse.stats().epoch}.${sse.stats().position}`,
  };
}
