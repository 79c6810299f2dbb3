/** Next.js as a server of the benchmark: the app in next-app/, built once, started by `next start`. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { startNode } from './processes.mjs';

export const app = fileURLToPath(new URL('../next-app', import.meta.url));

const beside = (file) => new URL(file, import.meta.url).href;

export async function startNext(route, options) {
  const port = await freePort();
  const next = fileURLToPath(new URL('node_modules/next/dist/bin/next', `file://${app}/`));
  const env = {
    NEXT_TELEMETRY_DISABLED: '1',
    PORT: String(port),
    BENCH_SERVER: route,
    BENCH_OPTIONS: JSON.stringify(options),
    BENCH_OPERATIONS: beside('operations.mjs'),
    BENCH_SSEKIT: beside('ssekit.mjs'),
  };
  return startNode(next, ['start', '--hostname', '127.0.0.1'], { cwd: app, env });
}

/** Next.js tells the port that it gets only to people. */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}
