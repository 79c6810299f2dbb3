/** A server that does not write what it should: `alter` gets each event's text and returns what is written to a client. */
import { createServer } from 'node:http';
import { listen } from '../../../bench/lib/listen.mjs';

export async function serve(alter) {
  const clients = [];
  const server = createServer((_req, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.flushHeaders();
    clients.push(res);
    res.on('close', () => clients.splice(clients.indexOf(res), 1));
  });
  return {
    port: await listen(server),
    path: '/',
    broadcast({ data }) {
      // The first events are the benchmark's warming up.
      const isMeasured = data.seq > 20;
      clients.forEach((res, index) => {
        const text = `data: ${JSON.stringify(data)}\n\n`;
        const written = isMeasured && index === 7 ? alter(text, data) : text;
        if (written) res.write(written);
      });
    },
    clients: () => clients.length,
  };
}
