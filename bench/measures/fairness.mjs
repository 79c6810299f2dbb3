/** The latency of an event for one user, alone and while a broadcast to everybody is being written. */
import { Session } from '../lib/session.mjs';

export async function fairness(contender, { clients, rounds, options = {} }) {
  return Session.with(contender, options, async (session) => {
    await session.connect(clients);
    const run = async (broadcasts) => {
      const perRound = 8;
      const first = session.take(broadcasts ? rounds : 0);
      const how = { first, rounds, perRound, apartMs: 3, restMs: clients / 50, bytes: 150, clients, broadcasts };
      const sending = session.server.ask('mixed', how);
      const received = await session.collect({ targeted: rounds * perRound });
      await sending;
      session.check(received, broadcasts ? rounds : 0);
      return received.targeted;
    };
    const alone = await run(false);
    const during = await run(true);
    return {
      aloneP50: alone.p50,
      aloneP99: alone.p99,
      duringP50: during.p50,
      duringP99: during.p99,
      duringMax: during.max,
    };
  });
}
