/**
 * The cost of a delivery when a channel's events go to some of many clients, beside broadcasts to as many clients in all. Both have
 * a server, and they take turns, so that the machine's other work falls on both alike. `ratio` is the median over the turns.
 */
import { Session } from '../lib/session.mjs';
import { summary } from '../lib/statistics.mjs';
import { cadenceFor } from './broadcast.mjs';

const TURNS = 5;
const CHANNEL = 'crowd';

export async function channel(contender, { clients, members, count }) {
  const cadence = cadenceFor(contender, { clients: members, count });
  return Session.with(contender, {}, (some) =>
    Session.with(contender, {}, async (all) => {
      await some.connectBystanders(clients - members);
      await some.connect(members, { channel: CHANNEL });
      await all.connect(members);
      const turns = [];
      for (let turn = 0; turn < TURNS; turn += 1) {
        turns.push({
          toChannel: perDelivery(await some.broadcast({ ...cadence, channel: CHANNEL })),
          toAll: perDelivery(await all.broadcast(cadence)),
        });
      }
      const median = (value) => summary(turns.map(value)).median;
      return {
        processorPerDelivery: median(({ toChannel }) => toChannel),
        ofBroadcasts: median(({ toAll }) => toAll),
        ratio: median(({ toChannel, toAll }) => toChannel / toAll),
      };
    }),
  );
}

/** Microseconds. */
function perDelivery({ processor, deliveries }) {
  return processor / deliveries / 1e3;
}
