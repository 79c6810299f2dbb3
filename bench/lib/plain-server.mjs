/** A server whose answers are no streams: `plain-server.mjs <with|without>` ssekit, which has had a stream at another path. */
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { listen } from './listen.mjs';
import { processCommands } from './operations.mjs';

const require = createRequire(import.meta.url);

const handleSSE = process.argv[2] === 'with' ? require('../../dist/node/index.js').handleSSE : undefined;

const server = createServer((req, res) => {
  if (handleSSE && req.url === '/sse') return handleSSE(req, res, { userId: 'ada', resume: { ttl: 600 } });
  res.setHeader('content-type', 'application/json');
  res.end('{"ok":true}');
});

processCommands({ port: await listen(server), path: '/sse', broadcast() {}, clients: () => 0 });
