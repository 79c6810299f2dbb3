'use strict';

/**
 * A server of streams, and clients beyond a network that can be cut. It must be started in a network namespace of its own
 * (`unshare --net`); its clients live in another one, that of a child process, and a pair of virtual Ethernet devices lies
 * between them. Its arguments are the transport, and the options of `SSEService.configure`.
 */
const { execFileSync, spawn } = require('node:child_process');
const { createServer } = require('node:http');
const { SSEService } = require('ssekit');
const { handleSSE } = require('ssekit/node');

const [HERE, THERE] = ['192.0.2.1', '192.0.2.2'];

/** Connects, reads until it gets the word to stop, and then stays silent. */
const FAR_CLIENT = `
  const { connect } = require('node:net');
  process.stdin.on('data', (order) => {
    const [port, reads] = String(order).split(' ');
    const socket = connect(Number(port), '${HERE}');
    socket.write('GET /sse HTTP/1.1\\r\\nhost: far\\r\\n\\r\\n');
    socket.once('data', () => {
      if (reads === 'stalled') socket.pause();
      else socket.resume();
    });
    socket.on('error', () => {});
  });
  // However the one that started it has ended.
  process.stdin.on('end', () => process.exit());
  process.stdout.write('ready');
`;

const [transport, options] = process.argv.slice(2);
const sse = SSEService.configure({ transport, ...JSON.parse(options) });
const gone = [];
sse.on('disconnect', ({ reason }) => gone.push(reason));

const far = spawn('unshare', ['--net', process.execPath, '-e', FAR_CLIENT], { stdio: ['pipe', 'pipe', 'inherit'] });
// Debian has `ip` where only root looks.
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
const ip = (...args) => execFileSync('ip', args, { stdio: 'pipe', env });
const ipThere = (...args) =>
  execFileSync('nsenter', ['--target', far.pid, '--net', 'ip', ...args], { stdio: 'pipe', env });

/** Until this is there, the child may still be in our namespace. */
far.stdout.once('data', () => {
  ip('link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far', 'netns', String(far.pid));
  ip('address', 'add', `${HERE}/24`, 'dev', 'near');
  ip('link', 'set', 'near', 'up');
  ipThere('address', 'add', `${THERE}/24`, 'dev', 'far');
  ipThere('link', 'set', 'far', 'up');
  server.listen(0, HERE, () => process.send('ready'));
});

const server = createServer((req, res) => handleSSE(req, res, { anonymous: true }));

const orders = {
  connect: (reads) => far.stdin.write(`${server.address().port} ${reads}`),
  broadcast: (bytes) => sse.broadcast({ event: 'pad', data: 'x'.repeat(Number(bytes)) }),
  /** The far end goes down: what is sent from here on gets no answer, and nothing comes. */
  cut: () => ipThere('link', 'set', 'far', 'down'),
};

process.on('message', (message) => {
  const [order, argument] = message.split(' ');
  orders[order]?.(argument);
  process.send({ stats: sse.stats(), gone });
});
process.on('disconnect', () => process.exit());
