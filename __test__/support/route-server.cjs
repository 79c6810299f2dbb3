'use strict';

/** A real HTTP server for a route of `createSSERoute`. It makes web requests and writes web responses, as Next.js does. */
const { once } = require('node:events');
const { createServer } = require('node:http');
const { Readable, Writable } = require('node:stream');

function webRequest(req) {
  const headers = new Headers();
  for (let at = 0; at < req.rawHeaders.length; at += 2) headers.append(req.rawHeaders[at], req.rawHeaders[at + 1]);
  const hasBody = req.method !== 'GET' && req.method !== 'HEAD';
  const body = hasBody ? Readable.toWeb(req) : undefined;
  return new Request(`http://localhost${req.url}`, { method: req.method, headers, body, duplex: 'half' });
}

async function respond(route, req, res) {
  if (req.url === '/page') return res.setHeader('content-type', 'text/html').end('<!doctype html>');
  const answer = await route[req.method === 'HEAD' ? 'GET' : req.method](webRequest(req));
  res.statusCode = answer.status;
  for (const [name, value] of answer.headers) res.appendHeader(name, value);
  if (!answer.body) return res.end();
  return answer.body.pipeTo(Writable.toWeb(res)).catch(() => {});
}

/**
 * Returns the port of a server that answers with the route's handlers, and has an empty page at `/page`. If a
 * handler throws, the answer is a 500 with the message.
 */
async function serveRoute(route) {
  const server = createServer((req, res) => {
    respond(route, req, res).catch((error) => {
      res.writeHead(500).end(String(error?.message));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

module.exports = { respond, serveRoute };
