/** Ports: which are free, and whether somebody listens. */
import { randomInt } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { Failure } from './run.mjs';

/** The port that PORT asks for, if it is free; else 3000 or the next free one. */
export async function choosePort() {
  if (process.env.PORT) return checkPort(Number(process.env.PORT));
  for (let port = 3000; port < 3100; port++) if (await isFree(port)) return port;
  throw new Failure('Ports 3000 to 3099 are all taken: set PORT to a free one.');
}

async function checkPort(port) {
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Failure(`PORT: got ${JSON.stringify(process.env.PORT)}, wants a number from 1 to 65535.`);
  if (!(await isFree(port))) throw new Failure(`Port ${port}, which PORT asks for, is taken.`);
  return port;
}

/**
 * A free port, for a server that takes its port as an argument: below those that systems assign to connections (32768 and
 * above on Linux), so that nobody comes to sit there before it starts.
 */
export async function anyPort() {
  for (;;) {
    const port = randomInt(22_000, 32_000);
    if (await isFree(port)) return port;
  }
}

export function accepts(port, host = 'localhost') {
  return new Promise((resolve) => {
    const socket = connect({ port, host });
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
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
