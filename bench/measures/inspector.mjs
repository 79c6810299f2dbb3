/**
 * The cost of a delivery while somebody looks on by the inspector, beside that without, in turns. `ratio` is the median over the turns.
 * Every other turn begins with the inspector, so that what comes second is as often the one as the other. The list of all clients, which an
 * inspector gets once, is not part of it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Session } from '../lib/session.mjs';
import { summary } from '../lib/statistics.mjs';
import { cadenceFor } from './broadcast.mjs';

const TURNS = 10;

/** Before each measurement, with an inspector or without. */
const REST_MS = 1_000;

export async function inspector(contender, { clients, count }) {
  const cadence = cadenceFor(contender, { clients, count });
  return Session.with(contender, {}, async (session) => {
    await session.connect(clients);
    const cost = async () => {
      await delay(REST_MS);
      return perDelivery(await session.broadcast(cadence));
    };
    const costWatched = async () => {
      const leave = await lookOn(session.server.port);
      const watched = await cost();
      await leave();
      return watched;
    };
    const turns = [];
    for (let turn = 0; turn < TURNS; turn += 1) {
      turns.push(
        turn % 2 === 0
          ? { alone: await cost(), watched: await costWatched() }
          : { watched: await costWatched(), alone: await cost() },
      );
    }
    const median = (value) => summary(turns.map(value)).median;
    return {
      processorPerDelivery: median(({ watched }) => watched),
      alone: median(({ alone }) => alone),
      ratio: median(({ alone, watched }) => watched / alone),
    };
  });
}

/** Opens an inspector and reads its lines. Resolves, when the list of all clients has come, to a function that ends it. */
async function lookOn(port) {
  const response = await fetch(`http://127.0.0.1:${port}/inspector`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ watch: {} }),
  });
  if (!response.ok) throw new Error(`the inspector answered with ${response.status}`);
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  while (!/"clients":\{.*\n/.test(text)) {
    const { done, value } = await reader.read();
    if (done) throw new Error('the inspector has ended');
    text += decoder.decode(value, { stream: true });
  }
  const reading = (async () => {
    while (!(await reader.read()).done);
  })();
  return async () => {
    await reader.cancel();
    await reading;
  };
}

/** Microseconds. */
function perDelivery({ processor, deliveries }) {
  return processor / deliveries / 1e3;
}
