/** The cost of keeping the history: each place has its own server, with the same clients and the same events. */
import { historiesHere, withHistory } from '../lib/histories.mjs';
import { Session } from '../lib/session.mjs';

/** Bytes of an event's data. */
const BYTES = 150;

export async function histories(contender, { clients, rounds, burst }) {
  const costs = {};
  for (const name of historiesHere()) {
    costs[name] = await withHistory(name, (options) =>
      Session.with(contender, options, (session) => costOf(session, { clients, rounds, burst })),
    );
  }
  return costs;
}

async function costOf(session, { clients, rounds, burst }) {
  await session.connect(clients);
  const { p50, p99 } = await latency(session, { clients, rounds });
  const { sent, received } = await session.broadcast({ count: burst, intervalMs: 0, bytes: BYTES });
  // Last, because its events are as many as there is time for.
  const { send } = await session.whileReading(() => session.server.ask('cost', { bytes: BYTES, user: '0' }));
  return { call: send / 1e3, p50, p99, perSecond: burst / ((received.lastAt - sent.from) / 1e9) };
}

/** Microseconds from the call to the client, of single events for one user each. */
async function latency(session, { clients, rounds }) {
  const perRound = 8;
  const how = { first: session.take(0), rounds, perRound, apartMs: 3, restMs: 0, bytes: BYTES, clients };
  const sending = session.server.ask('mixed', { ...how, broadcasts: false });
  const { targeted } = await session.collect({ targeted: rounds * perRound });
  await sending;
  return targeted;
}
