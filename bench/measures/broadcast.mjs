/**
 * Paced broadcasts: what a delivery costs the server, how late events come, and how long the event loop stands still.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Session } from '../lib/session.mjs';

/**
 * The time for a delivery, and for its bytes. It is long enough that hardly any server is late with the next broadcast. So the
 * number of deliveries a second is the same for any number of clients.
 */
const MICROSECONDS_PER_DELIVERY = 20;
const MICROSECONDS_PER_KILOBYTE = 2;

export async function broadcast(contender, { clients, count, bytes = 150, options = {} }) {
  return Session.with(contender, options, async (session) => {
    await session.connect(clients);
    const cadence = cadenceFor(contender, { clients, count, bytes });
    // Watching an event loop wakes it a thousand times a second, which is processor time as well: that comes after it.
    const run = await session.broadcast(cadence);
    const { idleStall, stall } = await stalls(session, cadence);
    const { sent, received, processor, deliveries } = run;
    return {
      processorPerDelivery: processor / deliveries / 1e3,
      p50: received.latency.p50,
      p99: received.latency.p99,
      p999: received.latency.p999,
      stall,
      idleStall,
      call: sent.call ? sent.call.median / 1e3 : null,
      longestCall: sent.call ? sent.call.longest / 1e3 : null,
      loadProcessor: received.processor / (received.to - received.from),
    };
  });
}

/** The number, interval and size of broadcasts. */
export function cadenceFor(contender, { clients, count, bytes = 150 }) {
  const perDelivery = (contender.pace ?? MICROSECONDS_PER_DELIVERY) + (MICROSECONDS_PER_KILOBYTE * bytes) / 1024;
  return { count, intervalMs: (clients * perDelivery) / 1000, bytes };
}

/** The longest stall of the event loop: without broadcasts, for as long as some would take, and with them. */
export async function stalls(session, cadence) {
  const { contender } = session;
  if (!contender.serve && !contender.inNode) return { idleStall: null, stall: null };
  return {
    idleStall: await stallDuring(session, () => delay(cadence.count * cadence.intervalMs)),
    stall: await stallDuring(session, () => session.broadcast(cadence)),
  };
}

async function stallDuring({ server }, work) {
  await server.ask('watchLoop');
  await work();
  return server.ask('longestStall');
}
