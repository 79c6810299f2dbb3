/** better-sse as its documentation has it: a session per request, registered with a channel that broadcasts. */
import { createServer } from 'node:http';
import { listen } from '../lib/listen.mjs';

export const title = 'better-sse';
export const rank = 11;
export const packages = ['better-sse'];
export const comesBack = true;
export const other = '/other';

export async function serve() {
  const { createChannel, createSession } = await import('better-sse');
  const channel = createChannel();
  const server = createServer(async (req, res) => {
    if (req.url === other) return res.end('{}');
    channel.register(await createSession(req, res));
  });
  return {
    port: await listen(server),
    path: '/',
    broadcast: ({ event, data }) => channel.broadcast(data, event, { eventId: String(data.seq) }),
    clients: () => channel.sessionCount,
  };
}
