/** Code as one writes it by hand: a set of responses, and the event as one string for all of them. */
import { createServer } from 'node:http';
import { listen } from '../lib/listen.mjs';

export const title = 'node:http by hand';
export const rank = 10;

export async function serve() {
  const clients = new Set();
  const server = createServer((_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    res.flushHeaders();
    clients.add(res);
    res.on('close', () => clients.delete(res));
  });
  return {
    port: await listen(server),
    path: '/',
    broadcast({ event, data }) {
      const text = `event: ${event}\ndata: ${JSON.stringify(data)}\nid: ${data.seq}\n\n`;
      for (const res of clients) res.write(text);
    },
    clients: () => clients.size,
  };
}
