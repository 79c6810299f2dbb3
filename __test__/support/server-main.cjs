'use strict';

/**
 * The process behind support/server.ts: `/sse?userId=…&clientId=…` is a stream, `/echo?say=…` an ordinary answer, everything
 * else is 404. Plain JavaScript, because it runs as a user's server would, without the test runner.
 */
const { readdirSync } = require('node:fs');
const { readFile } = require('node:fs/promises');
const { createServer } = require('node:http');
const { createSecureServer } = require('node:http2');
const { createServer: createTlsServer } = require('node:https');
const { SSEService } = require('ssekit');
const { handleSSE } = require('ssekit/node');
const { certificate } = require('./certificate.cjs');
const middleware = require('./middleware.cjs');

const options = JSON.parse(process.argv[2]);
const sse = options.configure ? SSEService.configure(options.configure) : SSEService.getInstance();

const notices = [];
sse.on('connect', (client) => notices.push({ type: 'connect', ...client }));
sse.on('disconnect', (client) => notices.push({ type: 'disconnect', ...client }));
sse.on('error', (error) => notices.push({ type: 'error', message: error.message }));

/** Requests whose handlers wait for `release`, as for a look-up of their user. */
const waiting = [];

/** Responses that `uncork` is to let go. */
const corked = [];

/** The user of a request: a test says it in the query, as a cookie would. */
function clientOf(query) {
  return {
    userId: query.get('userId'),
    anonymous: true,
    clientId: query.get('clientId') ?? undefined,
    headers: { 'x-from-connect': 'yes' },
  };
}

function answer(req, res) {
  const { pathname, searchParams: query } = new URL(req.url, 'http://localhost');
  if (pathname === '/echo') return echo(res, query.get('say'));
  if (pathname !== '/sse') {
    res.writeHead(404);
    return res.end();
  }
  res.setHeader('x-from-app', 'yes');
  if (query.has('cookies')) res.setHeader('set-cookie', ['a=1; Path=/', 'b=2; HttpOnly']);
  if (query.has('middleware')) middleware[query.get('middleware')](req, res, query.get('file'));
  if (query.get('middleware') === 'cork') corked.push(res);
  if (!query.has('wait')) return handleSSE(req, res, clientOf(query));
  return waiting.push(() => handleSSE(req, res, clientOf(query)));
}

/** Says it back. It reads a file on the way, which fails if somebody else has closed its descriptor. */
async function echo(res, say) {
  const source = await readFile(__filename, 'utf8').catch((error) => error.code);
  const whole = source.endsWith('// The end.\n');
  res.writeHead(whole ? 200 : 500);
  res.end(whole ? say : source);
}

async function makeServer() {
  const { protocol = 'http', framework = 'node' } = options;
  if (framework === 'express') {
    const app = require('express')();
    app.get(['/sse', '/echo'], answer);
    return createServer(app);
  }
  if (framework === 'fastify') {
    const app = require('fastify')();
    for (const path of ['/sse', '/echo']) {
      app.get(path, (request, reply) => {
        reply.hijack();
        answer(request.raw, reply.raw);
      });
    }
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
    const sockets = process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    return { connections, sockets, descriptors: readdirSync('/proc/self/fd').length, rss, heapUsed };
  },
  waiting: () => waiting.length,
  release: () => {
    for (const go of waiting.splice(0)) go();
  },
  uncork: () => {
    for (const res of corked.splice(0)) res.socket?.uncork();
  },
  giveDescriptorsBack: () => middleware.giveDescriptorsBack(),
  close: () => new Promise((resolve) => server.close(resolve)),
};

process.on('message', async ({ id, method, args }) => {
  try {
    const result = await (commands[method] ?? ((...given) => sse[method](...given)))(...args);
    process.send({ id, result });
  } catch (error) {
    process.send({ id, error: { name: error.name, message: error.message, code: error.code } });
  }
});

// The parent process may die without a word.
process.on('disconnect', () => process.exit());

let server;
makeServer().then((made) => {
  server = made;
  const { path, host = '127.0.0.1' } = options.listen ?? {};
  server.listen(path ? { path } : { port: 0, host }, () => process.send({ port: server.address().port ?? 0 }));
});

// The end.
