/** The cost of clients that get nothing but heartbeats, in parts of one core. */
import { Session } from '../lib/session.mjs';
import { processorTime } from '../lib/system.mjs';

export async function idle(contender, { clients, seconds, options = {} }) {
  return Session.with(contender, options, async (session) => {
    const without = await ofOneCore(session, seconds / 2);
    await session.connect(clients);
    return { withClients: await ofOneCore(session, seconds), without };
  });
}

async function ofOneCore({ server, load }, seconds) {
  const before = processorTime(server.pids());
  await load.ask('watch', { ms: seconds * 1000 });
  return (processorTime(server.pids()) - before) / (seconds * 1e9);
}
