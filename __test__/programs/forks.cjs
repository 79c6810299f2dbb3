'use strict';

/** A server with streams that forks a child, which uses the package too. */
const { fork } = require('node:child_process');
const { once } = require('node:events');
const { readdirSync, readlinkSync } = require('node:fs');
const { createServer } = require('node:http');
const { SSEService } = require('ssekit');
const { handleSSE } = require('ssekit/node');

const sse = SSEService.getInstance();

/** Its process id and all its sockets. */
function state() {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // The one that listed them.
    }
  });
  return {
    epoch: sse.stats().epoch,
    clients: sse.getActiveClients(),
    sockets: links.filter((link) => /socket/.test(link)),
  };
}

function child() {
  sse.broadcast({ data: 'in the child only' });
  process.send(state());
  process.once('message', () => process.disconnect());
}

function parent() {
  const server = createServer((req, res) => handleSSE(req, res, { anonymous: true }));
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
  const orders = {
    stats: () => process.send(sse.stats()),
    fork: async () => {
      const forked = fork(__filename, ['child'], { stdio: 'pipe' });
      forked.stderr.pipe(process.stderr);
      const [ofChild] = await once(forked, 'message');
      const ofParent = state();
      sse.broadcast({ data: 'in the parent' });
      forked.send('end');
      const [code] = await once(forked, 'exit');
      process.send({ child: ofChild, parent: ofParent, code });
    },
  };
  process.on('message', (order) => orders[order]());
}

if (process.argv[2] === 'child') child();
else parent();
