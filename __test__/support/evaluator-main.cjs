'use strict';

/**
 * The process behind support/evaluator.ts: runs the functions that a test sends, beside a server whose `/sse?userId=…` is a
 * stream. Plain JavaScript, because it runs as a user's server would, without the test runner.
 */
const { once } = require('node:events');
const { createServer } = require('node:http');
const { runInThisContext } = require('node:vm');
const { SSEService } = require('ssekit');
const { handleSSE } = require('ssekit/node');

const compile = (source) => runInThisContext(`(${source})`, { filename: 'evaluated' });

const given = {
  SSEService,
  sse: SSEService.getInstance(),
  handleSSE,
  /** State that one function leaves for the next. */
  state: {},
  compile,
  require,
  /** The options that `/sse` passes to `handleSSE`; a test may replace them. */
  clientOf(query) {
    return { userId: query.get('userId'), anonymous: true, clientId: query.get('clientId') ?? undefined };
  },
};

const server = createServer((req, res) => {
  const url = new URL(req.url, 'http://localhost');
  if (url.pathname === '/sse') return handleSSE(req, res, given.clientOf(url.searchParams));
  res.writeHead(404).end();
});

given.server = server;

/** The part of an error that crosses processes: enough to identify it. */
function describe(error) {
  if (!(error instanceof Error)) return { class: typeof error, message: String(error) };
  const { code, message, stack } = error;
  return { class: error.constructor.name, code, message, stack };
}

process.on('message', async ({ id, source, args }) => {
  try {
    process.send({ id, result: await compile(source)(given, ...args) });
  } catch (error) {
    process.send({ id, error: describe(error) });
  }
});

// The parent process may die without a word.
process.on('disconnect', () => process.exit());

server.listen(0, '127.0.0.1');
once(server, 'listening').then(() => process.send({ port: server.address().port }));
