'use strict';

/**
 * A server whose streams reach their socket in all ways that an application may think of. `?via=` selects the way of writing the
 * response, `?through=` the code in between, and `?at=` the time and the async context in which the stream is connected.
 */
const { AsyncLocalStorage } = require('node:async_hooks');
const { once } = require('node:events');
const { createServer } = require('node:http');
const { Writable } = require('node:stream');

/** Code between the stream and the socket that leaves the first event alone. */
const REPLACED = /secret/g;
const mask = (bytes) => Buffer.from(Buffer.from(bytes).toString().replace(REPLACED, 'masked'));

/** Ways of a web body. */
const BODIES = {
  none: (body) => body,
  transform: (body) => body.pipeThrough(new TransformStream({ transform: (chunk, to) => to.enqueue(mask(chunk)) })),
  // The same by hand, as middlewares of frameworks have it.
  reader: (body) => {
    const reader = body.getReader();
    return new ReadableStream({
      async pull(to) {
        const { done, value } = await reader.read();
        if (done) to.close();
        else to.enqueue(mask(value));
      },
      cancel: (reason) => reader.cancel(reason),
    });
  },
  // Starts when the first event has passed.
  late: (body) => {
    let first = true;
    return body.pipeThrough(
      new TransformStream({
        transform(chunk, to) {
          to.enqueue(first ? chunk : mask(chunk));
          first = false;
        },
      }),
    );
  },
};

/** Ways to a web body's response. */
const PIPES = {
  // Node's own.
  pipe: (body, res) => body.pipeTo(Writable.toWeb(res)),
  // A sink of the application's, which may do as it likes.
  sink: (body, res) => {
    const gone = new AbortController();
    res.once('close', () => gone.abort());
    const sink = new WritableStream({ write: (chunk) => void res.write(mask(chunk)) });
    return body.pipeTo(sink, { signal: gone.signal });
  },
  // A transform's writable end is a sink, too.
  writable: (body, res) => {
    const { readable, writable } = new TransformStream({ transform: (chunk, to) => to.enqueue(mask(chunk)) });
    void body.pipeTo(writable).catch(() => {});
    return readable.pipeTo(Writable.toWeb(res));
  },
  read: async (body, res) => {
    const reader = body.getReader();
    res.once('close', () => reader.cancel());
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return res.end();
      res.write(mask(value));
    }
  },
};

/** Changes that middlewares make to a response before the stream is written to it. */
const WRAPPERS = {
  none() {},
  masks(res) {
    const { write } = res;
    res.write = function masked(chunk, ...rest) {
      return write.call(this, mask(chunk), ...rest);
    };
  },
  masksLater(res) {
    const { write } = res;
    let first = true;
    res.write = function masked(chunk, ...rest) {
      const passed = first ? chunk : mask(chunk);
      first = false;
      return write.call(this, passed, ...rest);
    };
  },
  // A logger that forgets to say what `write` said.
  logs(res) {
    const { write } = res;
    res.logged = 0;
    res.write = function logged(chunk, ...rest) {
      res.logged += chunk.length;
      write.call(this, chunk, ...rest);
    };
  },
  // Says that it is full, and never that it is not.
  refuses(res) {
    const { write } = res;
    res.write = function refused(...all) {
      write.apply(this, all);
      return false;
    };
  },
  socket(res) {
    const { write } = res.socket;
    res.socket.write = function masked(chunk, ...rest) {
      return write.call(this, typeof chunk === 'string' ? chunk : mask(chunk), ...rest);
    };
  },
};

exports.serve = async function serve({ sse, handleSSE }) {
  /** Requests that wait for somebody else, as in a pool of connections. */
  const pool = [];
  const contexts = new AsyncLocalStorage();
  const seen = [];

  function answer(req, res, query) {
    const user = query.get('user');
    const via = query.get('via') ?? 'handle';
    const through = query.get('through') ?? 'none';
    if (via === 'handle') {
      WRAPPERS[through](res);
      return handleSSE(req, res, { userId: user, onClose: () => seen.push(`${user} closed`) });
    }
    const request = new Request(`http://localhost${req.url}`, { headers: req.headers });
    const response = sse.connect(request, { userId: user, onClose: () => seen.push(`${user} closed`) });
    for (const [name, value] of response.headers) res.setHeader(name, value);
    res.writeHead(response.status);
    return PIPES[via](BODIES[through](response.body), res).catch(() => {});
  }

  const TIMES = {
    now: (go) => go(),
    later: (go) => setTimeout(go, 1),
    // A callback that runs in the context of the code that releases it.
    pooled: (go) => pool.push(go),
    // The request itself releases who waits, and comes after them.
    releases: (go) => {
      for (const waiter of pool.splice(0)) setTimeout(waiter, 0);
      setTimeout(go, 5);
    },
  };

  /** As dd-trace does it: without a listener. */
  function overhear(res, tell) {
    const { emit } = res;
    res.emit = function (name, ...given) {
      if (name === 'close') tell();
      return emit.call(this, name, ...given);
    };
  }

  const server = createServer((req, res) => {
    const url = new URL(req.url, 'http://localhost');
    if (url.pathname !== '/stream') return res.writeHead(url.pathname === '/pool' ? 200 : 404).end(String(pool.length));
    const query = url.searchParams;
    for (const event of (query.get('watch') ?? '').split(',').filter(Boolean)) {
      const [object, name] = event.split('.');
      const tell = () => seen.push(`${query.get('user')} ${event}`);
      if (name === 'emit') overhear(res, tell);
      else (object === 'req' ? req : res).on(name, tell);
    }
    const go = () => answer(req, res, query);
    return contexts.run(query, () => TIMES[query.get('at') ?? 'now'](go));
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: server.address().port, server, seen, pool };
};
