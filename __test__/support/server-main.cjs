'use strict';

/**
 * The process behind support/server.ts: `/sse?userId=…&clientId=…` is a stream, everything else is 404. Plain JavaScript, for
 * it runs as a user's server would, without the test runner.
 */
const { createServer } = require('node:http');
const { createSecureServer } = require('node:http2');
const { createServer: createTlsServer } = require('node:https');
const { readdirSync } = require('node:fs');
const { SSEService } = require('ssekit');
const { handleSSE } = require('ssekit/node');
const { certificate } = require('./certificate.cjs');

const options = JSON.parse(process.argv[2]);
const sse = options.configure ? SSEService.configure(options.configure) : SSEService.getInstance();

const notices = [];
sse.on('connect', (client) => notices.push({ type: 'connect', ...client }));
sse.on('disconnect', (client) => notices.push({ type: 'disconnect', ...client }));
sse.on('error', (error) => notices.push({ type: 'error', message: error.message }));

/** Who asks: a test says so in the query, as a user's cookie would. */
function clientOf(url) {
  const query = new URL(url, 'http://localhost').searchParams;
  return {
    userId: query.get('userId'),
    clientId: query.get('clientId') ?? undefined,
    headers: { 'x-from-connect': 'yes' },
  };
}

function answer(req, res) {
  if (!req.url.startsWith('/sse')) {
    res.writeHead(404);
    return res.end();
  }
  res.setHeader('x-from-app', 'yes');
  return handleSSE(req, res, clientOf(req.url));
}

async function makeServer() {
  const { protocol = 'http', framework = 'node' } = options;
  if (framework === 'express') {
    const app = require('express')();
    app.get('/sse', answer);
    return createServer(app);
  }
  if (framework === 'fastify') {
    const app = require('fastify')();
    app.get('/sse', (request, reply) => {
      reply.hijack();
      answer(request.raw, reply.raw);
    });
    await app.ready();
    return app.server;
  }
  if (protocol === 'https') return createTlsServer(certificate(), answer);
  if (protocol === 'http2') return createSecureServer({ ...certificate(), allowHTTP1: false }, answer);
  return createServer(answer);
}

const commands = {
  notices: () => notices,
  repeat: (times, method, args) => {
    for (let i = 0; i < times; i += 1) sse[method](...JSON.parse(args.replaceAll('{i}', i)));
  },
  resources: async () => {
    globalThis.gc?.();
    const connections = await new Promise((resolve, reject) => {
      server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });
    const { rss, heapUsed } = process.memoryUsage();
    return { connections, descriptors: readdirSync('/proc/self/fd').length, rss, heapUsed };
  },
};

process.on('message', async ({ id, method, args }) => {
  try {
    const result = await (commands[method] ?? ((...given) => sse[method](...given)))(...args);
    process.send({ id, result });
  } catch (error) {
    process.send({ id, error: { name: error.name, message: error.message, code: error.code } });
  }
});

let server;
makeServer().then((made) => {
  server = made;
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
});
