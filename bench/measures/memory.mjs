/** The cost of connected clients: the server's own memory, and the kernel's for both ends of their connections. */
import { Session } from '../lib/session.mjs';
import { kernelMemory, memory } from '../lib/system.mjs';

export async function memoryPerClient(contender, { clients, options = {} }) {
  return Session.with(contender, options, async (session) => {
    const before = await look(session);
    await session.connect(clients);
    const after = await look(session);
    return { user: (after.user - before.user) / clients, kernel: (after.kernel - before.kernel) / clients };
  });
}

/** The figures at rest, after a garbage collection. */
async function look({ server }) {
  await server.ask('rest');
  return { user: memory(server.pids()), kernel: kernelMemory() };
}
