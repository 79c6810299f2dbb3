/** @fastify/sse as its documentation has it for a live connection. */

export const title = '@fastify/sse';
export const rank = 13;
export const packages = ['@fastify/sse', 'fastify'];

export async function serve() {
  const { default: Fastify } = await import('fastify');
  const clients = new Set();
  const app = Fastify();
  await app.register(import('@fastify/sse'));
  app.get('/', { sse: 'only' }, async (_request, reply) => {
    reply.sse.keepAlive();
    reply.sse.sendHeaders();
    reply.raw.flushHeaders();
    clients.add(reply.sse);
    reply.sse.onClose(() => clients.delete(reply.sse));
  });
  await app.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
  return {
    port: app.server.address().port,
    path: '/',
    broadcast({ event, data }) {
      const message = { id: String(data.seq), event, data };
      for (const sse of clients) sse.send(message);
    },
    clients: () => clients.size,
  };
}
