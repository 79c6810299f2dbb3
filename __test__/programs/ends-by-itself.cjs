'use strict';

/** Uses the package in the way that its argument says, and has nothing more to do. */
const { get, createServer } = require('node:http');
const { once } = require('node:events');
const { SSEService } = require('ssekit');
const { handleSSE } = require('ssekit/node');

const request = () => new Request('http://localhost/sse');

const uses = {
  'is loaded': () => {},
  'is asked for its instance': () => SSEService.getInstance(),
  'is configured': () => SSEService.configure({ heartbeatMs: 100 }),
  'is asked for its counts': () => SSEService.getInstance().stats(),
  'sends events': (sse) => {
    sse.broadcast({ data: 1 });
    sse.sendToUser('ada', { data: 2 });
    sse.sendToClient('nobody', { data: 3 });
  },
  listens: (sse) => {
    sse.on('connect', () => {});
    sse.on('disconnect', () => {});
    sse.on('error', () => {});
    sse.broadcast({ data: 1 });
  },
  'has listened': (sse) => {
    const listener = () => {};
    sse.on('connect', listener).off('connect', listener);
  },
  flushes: async (sse) => {
    await sse.flush();
    sse.sendToUser('ada', { data: 1 });
    await sse.flush();
  },
  'has a stream that nobody reads': (sse) => {
    sse.connect(request(), { anonymous: true });
  },
  'has a stream that is read': async (sse) => {
    const reader = sse.connect(request(), { anonymous: true }).body.getReader();
    await reader.read();
    reader.read();
  },
  'had a stream': async (sse) => {
    const { body } = sse.connect(request(), { anonymous: true });
    await body.cancel();
  },
  'had a server with streams': async (sse) => {
    const server = createServer((req, res) => handleSSE(req, res, { anonymous: true })).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const [response] = await once(get({ port: server.address().port, host: '127.0.0.1' }), 'response');
    await once(response, 'data');
    sse.disconnectClient(sse.getActiveClients()[0]);
    await once(response.resume(), 'end');
    server.close();
  },
};

// The parent process listens for messages; that alone is no reason to stay.
process.channel.unref();

// Something holds the process. This timer does not.
setTimeout(() => {
  console.error('still here, for', process.getActiveResourcesInfo());
  process.exit(9);
}, 5_000).unref();

Promise.resolve(uses[process.argv[2]](SSEService.getInstance())).then(() => process.send('done'));
