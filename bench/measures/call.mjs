/** The cost of `sendToUser` to its caller, by payload, beside `JSON.stringify` of the same payload. */
import { Session } from '../lib/session.mjs';

/** Nanoseconds, for each size. The user is one of the clients. */
export async function call(contender, { clients, sizes, options = {} }) {
  return Session.with(contender, options, async (session) => {
    await session.connect(clients);
    const costs = {};
    for (const bytes of sizes) {
      costs[bytes] = await session.whileReading(() => session.server.ask('cost', { bytes, user: '0' }));
    }
    return costs;
  });
}
