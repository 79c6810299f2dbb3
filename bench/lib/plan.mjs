/**
 * The plan of a run: rows of `{ name, measure, of, how, repeats }`, where `of` chooses contenders and `how` is what the measure
 * takes. All rows are repeated in turn, and within a row the contenders take turns, so that what else the machine does falls on
 * all of them alike.
 */

/** Of all measures but one. */
const all = ({ comesBack }) => comesBack !== 'only';
const returning = ({ comesBack }) => comesBack !== undefined;
const ours = ({ ours }) => ours;
const named =
  (...names) =>
  ({ name }) =>
    names.includes(name);
const compared = named('floor', 'ssekit-handoff', 'node-http');
const handoff = named('ssekit-handoff');
const listener = named('ssekit-listener');

/** The number of broadcasts that makes about this number of deliveries. */
const countFor = (clients, deliveries) => Math.max(8, Math.round(deliveries / clients));

/** Such a storm is one run of a program, which repeats it by itself. */
const storms = (quick) => (quick ? { clients: 1_000, rounds: 3 } : { clients: 9_000, rounds: 5 });

/** Numbers of stored events. */
export const STORED = [1_000, 1_000_000];

/** Single events, and a burst of broadcasts. */
const histories = (quick) => ({ clients: 100, rounds: quick ? 20 : 100, burst: quick ? 1_000 : 10_000 });

/** Requests that are no streams. */
const others = (quick) => ({ requests: quick ? 5_000 : 20_000, rounds: quick ? 3 : 9 });

/** Each server is limited to what its files may be: 9,000 clients at both ends are the most that 20,000 descriptors allow. */
export function plan({ quick }) {
  const [some, many] = quick ? [500, 2_000] : [2_000, 9_000];
  const repeats = quick ? 1 : 3;
  const paced = (clients) => ({ clients, count: countFor(clients, quick ? 20_000 : 100_000) });
  const rows = [
    { name: 'broadcast-some', measure: 'broadcast', of: all, how: paced(some), repeats: quick ? 1 : 5 },
    { name: 'broadcast-many', measure: 'broadcast', of: all, how: paced(many), repeats: quick ? 1 : 5 },
    { name: 'stall', measure: 'stall', of: ours, how: { ...paced(many), looks: quick ? 1 : 5 }, repeats },
    {
      name: 'throughput',
      measure: 'throughput',
      of: (one) => all(one) && !one.ours,
      how: { clients: some, count: 200 },
      repeats,
    },
    // Ours writes these in a twentieth of the time; so that there is something to measure, they are ten times as many.
    { name: 'throughput', measure: 'throughput', of: ours, how: { clients: some, count: 2_000 }, repeats },
    { name: 'memory', measure: 'memoryPerClient', of: all, how: { clients: many }, repeats: 1 },
    { name: 'memory-of-handoff', measure: 'memoryPerClient', of: handoff, how: { clients: many }, repeats },
    { name: 'storm', measure: 'storm', of: all, how: { clients: quick ? 500 : 5_000, missed: 10 }, repeats },
    { name: 'come-back', measure: 'comeBack', of: returning, how: { clients: quick ? 500 : 5_000 }, repeats },
    { name: 'other-requests', measure: 'otherRequests', of: handoff, how: others(quick), repeats: 1 },
    { name: 'call-few', measure: 'call', of: handoff, how: { clients: 10, sizes: SIZES }, repeats },
    { name: 'call-many', measure: 'call', of: handoff, how: { clients: many, sizes: SIZES }, repeats },
    { name: 'channel', measure: 'channel', of: handoff, how: CHANNEL, repeats },
    { name: 'inspector', measure: 'inspector', of: handoff, how: paced(some), repeats },
    { name: 'histories', measure: 'histories', of: handoff, how: histories(quick), repeats: quick ? 1 : 5 },
    { name: 'restart', measure: 'restart', of: handoff, how: { stored: STORED }, repeats: quick ? 1 : 3 },
    { name: 'fairness', measure: 'fairness', of: handoff, how: { clients: many, rounds: quick ? 5 : 20 }, repeats },
    { name: 'event-loop', measure: 'eventLoop', of: listener, how: { clients: some, count: 250 }, repeats },
    { name: 'storm-ratio', measure: 'stormRatio', of: listener, how: storms(quick), repeats: 1 },
    { name: 'idle', measure: 'idle', of: handoff, how: { clients: many, seconds: quick ? 10 : 50 }, repeats: 1 },
  ];
  for (const clients of quick ? [100] : GROWTH_CLIENTS) {
    rows.push({ name: growth(clients), measure: 'growth', of: compared, how: paced(clients), repeats: quick ? 1 : 5 });
  }
  for (const bytes of SIZES) {
    const how = { clients: 500, count: quick ? 8 : 40, bytes };
    rows.push({ name: `size-${bytes}`, measure: 'broadcast', of: compared, how, repeats });
  }
  for (const threads of [1, 2, 4]) {
    const options = { threads };
    rows.push({
      name: `threads-${threads}`,
      measure: 'broadcast',
      of: handoff,
      how: { ...paced(some), options },
      repeats,
    });
    const how = { clients: some, count: 2_000, options };
    rows.push({ name: `threads-${threads}-unpaced`, measure: 'throughput', of: handoff, how, repeats });
  }
  return rows;
}

/** In a quick run as well, because the budget is for this size. */
export const CHANNEL = { clients: 9_000, members: 2_000, count: 20 };

const GROWTH_CLIENTS = [100, 500, 2_000, 9_000];

const growth = (clients) => `growth-${clients}`;

/** The rows in which nothing but the number of clients differs: there are as many deliveries a second in each. */
export const GROWTH = GROWTH_CLIENTS.map(growth);

/** Bytes of an event's data. */
export const SIZES = [50, 1_024, 8_192, 65_536];
