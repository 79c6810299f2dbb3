/** Everybody comes at once; then everybody is cut off and comes back at once, and gets what was missed. */
import { Session } from '../lib/session.mjs';

export async function storm(contender, { clients, missed, options = {} }) {
  return Session.with(contender, options, async (session) => {
    const connected = await session.connect(clients, { atATime: clients });
    const result = { connectSeconds: (connected.to - connected.from) / 1e9, reconnectSeconds: null };
    if (!contender.resumes) return result;
    const id = await session.server.ask('lastEventId');
    await session.disconnect();
    const first = session.take(missed);
    await session.server.ask('broadcast', { first, count: missed, intervalMs: 1, bytes: 150 });
    const headers = `Last-Event-ID: ${id}\r\n`;
    const back = await session.connect(clients, { atATime: clients, headers, next: first });
    const received = await session.collect();
    session.check({ ...received, events: back.events + received.events, wrong: back.wrong + received.wrong }, missed);
    result.reconnectSeconds = (received.lastAt - back.from) / 1e9;
    return result;
  });
}
