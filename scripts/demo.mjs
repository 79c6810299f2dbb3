/** `npm run demo`: builds ssekit and the example app, and serves it. PORT chooses the port; else it is 3000 or the next free one. */
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { buildExample, EXAMPLE_ENV, ensureExample, next } from './lib/example.mjs';
import { buildPackage } from './lib/package.mjs';
import { example } from './lib/paths.mjs';
import { Failure, finish, main } from './lib/run.mjs';

await main(async () => {
  if (process.env.PORT) await checkPort(Number(process.env.PORT));
  await buildPackage();
  await ensureExample();
  await buildExample();

  const port = process.env.PORT ? Number(process.env.PORT) : await freePort();
  const server = finish(process.execPath, next('start', '--port', String(port)), {
    cwd: example,
    env: EXAMPLE_ENV,
    server: true,
  });
  const announcement = new AbortController();
  announce(port, announcement.signal);
  const { exitCode } = await server.finally(() => announcement.abort());
  return exitCode;
});

/** Tells the address as soon as somebody can open it. */
async function announce(port, signal) {
  while (!signal.aborted && !(await accepts(port))) await delay(100);
  if (!signal.aborted) console.log(`\nThe ssekit demo is at http://localhost:${port} (Ctrl-C ends it)\n`);
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: 'localhost' });
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

async function checkPort(port) {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Failure('PORT must be a number from 1 to 65535.');
  if (!(await isFree(port))) throw new Failure(`Port ${port}, which PORT asks for, is taken.`);
}

async function freePort() {
  for (let port = 3000; port < 3100; port++) if (await isFree(port)) return port;
  throw new Failure('Ports 3000 to 3099 are all taken: set PORT to a free one.');
}

/** A port may be taken on one address and free on all others, so both kinds are asked. */
async function isFree(port) {
  return (await canListen(port)) && (await canListen(port, '127.0.0.1'));
}

function canListen(port, host) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host }, () => server.close(() => resolve(true)));
  });
}
