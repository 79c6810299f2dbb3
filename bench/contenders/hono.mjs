/** Hono's `streamSSE` on Node.js: the handler of a stream stays until its client has gone. */
import { listen } from '../lib/listen.mjs';

export const title = 'Hono streamSSE';
export const rank = 12;
export const packages = ['hono', '@hono/node-server'];

export async function serve() {
  const { Hono } = await import('hono');
  const { streamSSE } = await import('hono/streaming');
  const { createAdaptorServer } = await import('@hono/node-server');
  const clients = new Set();
  const app = new Hono();
  app.get('/', (c) =>
    streamSSE(c, async (stream) => {
      // So that the head goes out.
      await stream.write(':\n\n');
      clients.add(stream);
      await new Promise((gone) => stream.onAbort(gone));
      clients.delete(stream);
    }),
  );
  return {
    port: await listen(createAdaptorServer({ fetch: app.fetch })),
    path: '/',
    broadcast({ event, data }) {
      const message = { event, data: JSON.stringify(data), id: String(data.seq) };
      for (const stream of clients) stream.writeSSE(message);
    },
    clients: () => clients.size,
  };
}
