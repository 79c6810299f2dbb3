'use strict';

/**
 * A site whose pages listen: `/` is a page, `/client/` has the client's files, `/sse` is the stream by `handleSSE`, and `/api` the same by
 * `createSSERoute`. The user is the cookie `user`, or `user` in the query
 * of the stream. It counts the responses that are event streams.
 */
const { once } = require('node:events');
const { readFileSync } = require('node:fs');
const { createServer } = require('node:http');
const { createSecureServer } = require('node:http2');
const { join } = require('node:path');
const { createSSERoute } = require('ssekit/next');
const { handleSSE } = require('ssekit/node');
const { certificate } = require('./certificate.cjs');
const { respond } = require('./route-server.cjs');

const DIST = join(__dirname, '..', '..', 'dist');

/** The options of the client come in the query of the page. With `isLate`, it has loaded all its files, and connects when the test calls `listen`. */
const PAGE = `import { createClient } from '/client/index.mjs';
  const { isLate, ...options } = JSON.parse(new URLSearchParams(location.search).get('options') ?? '{}');
  globalThis.heard = [];
  globalThis.errors = [];
  globalThis.listen = () => {
    globalThis.client = createClient({ url: '/sse', ...options });
    client.on('number', (data) => heard.push(data));
    client.onReset(() => {});
    client.onError((error) => errors.push(error.message));
  };
  if (isLate) await import('/client/share.mjs').then(() => (globalThis.isLoaded = true));
  else listen();`;

const CSP = "default-src 'none'; script-src 'self'; connect-src 'self'; worker-src 'self'";

function userOf(cookie = '') {
  return /user=(\w+)/.exec(cookie)?.[1];
}

/**
 * `csp`: in place of a strict one, which lets all of the client work. `http2`: with TLS. `version`: of the worker, as if this were another
 * version of the package.
 */
async function serveTabs({ port = 0, csp = CSP, http2 = false, version } = {}) {
  const worker = require(join(DIST, 'server', 'worker-script.js'));
  const ownVersion = worker.WORKER_VERSION;
  worker.WORKER_VERSION = version ?? ownVersion;
  const open = new Set();
  const requests = [];
  const route = createSSERoute({ identify: (request) => userOf(request.headers.get('cookie') ?? '') });

  function stream(req, res) {
    requests.push({ url: req.url, carrier: req.headers['ssekit-carrier'] });
    // Pages in a sandbox have no origin.
    if (req.headers.origin === 'null') res.setHeader('access-control-allow-origin', '*');
    const { writeHead } = res;
    res.writeHead = function (...given) {
      if (String(res.getHeader('content-type')).startsWith('text/event-stream')) open.add(res);
      return writeHead.apply(this, given);
    };
    res.once('close', () => open.delete(res));
    return req.url.startsWith('/api')
      ? respond(route, req, res)
      : handleSSE(req, res, { userId: userOf(req.headers.cookie) ?? userOf(req.url) });
  }

  function answer(req, res) {
    const { pathname } = new URL(req.url, 'http://localhost');
    if (pathname === '/sse' || pathname === '/api') return stream(req, res);
    const isScript = pathname.endsWith('.mjs');
    res.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    res.setHeader('content-security-policy', csp);
    res.setHeader('access-control-allow-origin', '*');
    if (pathname === '/page.mjs') return res.end(PAGE);
    if (!isScript)
      return res.end(pathname === '/' ? '<!doctype html><script type="module" src="/page.mjs"></script>' : 'x');
    requests.push({ url: pathname });
    const text = readFileSync(join(DIST, 'client', pathname.split('/').at(-1)), 'utf8');
    return res.end(text.replaceAll(ownVersion, worker.WORKER_VERSION));
  }

  const server = http2 ? createSecureServer(certificate(), answer) : createServer(answer);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return { port: server.address().port, requests, streams: () => open.size };
}

module.exports = { serveTabs };
