/**
 * The time that broadcasts hold the event loop, for servers that hold it so little that only many looks show it. Other work of the
 * machine holds it as well, for one timer tick of the kernel (4 ms) now and then.
 */
import { Session } from '../lib/session.mjs';
import { summary } from '../lib/statistics.mjs';
import { cadenceFor, stalls } from './broadcast.mjs';

export async function stall(contender, { clients, count, looks }) {
  return Session.with(contender, {}, async (session) => {
    await session.connect(clients);
    const cadence = cadenceFor(contender, { clients, count });
    const seen = [];
    for (let look = 0; look < looks; look += 1) seen.push(await stalls(session, cadence));
    const middle = (which) => summary(seen.map((look) => look[which])).median;
    return { stall: middle('stall'), idleStall: middle('idleStall') };
  });
}
