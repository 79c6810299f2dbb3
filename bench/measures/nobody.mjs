/**
 * What an event costs that goes to nobody: that the process is woken for it, makes it and sends it. It is paid once per event,
 * however many clients there are, so with few of them it is a large part of what a delivery seems to cost.
 */
import { Session } from '../lib/session.mjs';
import { processorTime } from '../lib/system.mjs';

export async function nobody(contender, { count, intervalMs, bytes = 150, options = {} }) {
  return Session.with(contender, options, async (session) => {
    const { server } = session;
    const before = processorTime(server.pids());
    await server.ask('broadcast', { first: session.take(count), count, intervalMs, bytes });
    return { processorPerEvent: (processorTime(server.pids()) - before) / count / 1e3 };
  });
}
