/** Broadcasts as fast as the server takes them: deliveries per second until the last client has the last event. */
import { setTimeout as delay } from 'node:timers/promises';
import { Session } from '../lib/session.mjs';
import { memory } from '../lib/system.mjs';

export async function throughput(contender, { clients, count, bytes = 150, options = {} }) {
  return Session.with(contender, options, async (session) => {
    await session.connect(clients);
    const pids = session.server.pids();
    const before = memory(pids);
    const peak = watchPeak(pids);
    const { sent, received, processor, deliveries } = await session.broadcast({ count, intervalMs: 0, bytes });
    return {
      perSecond: deliveries / ((received.lastAt - sent.from) / 1e9),
      processorPerDelivery: processor / deliveries / 1e3,
      memoryGrowth: (await peak()) - before,
      loadProcessor: received.processor / (received.to - received.from),
    };
  });
}

/** Looks ten times a second. Returns what ends it and tells the most that it has seen. */
function watchPeak(pids) {
  let watching = true;
  let peak = 0;
  const watched = (async () => {
    while (watching) {
      peak = Math.max(peak, memory(pids));
      await delay(100);
    }
  })();
  return async () => {
    watching = false;
    await watched;
    return Math.max(peak, memory(pids));
  };
}
