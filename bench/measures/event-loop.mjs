/** The work of Node's event loop for clients of the listener to whom another process publishes: none. */
import { setTimeout as delay } from 'node:timers/promises';
import { maker, now } from '../lib/operations.mjs';
import { Session } from '../lib/session.mjs';
import { mainThreadTime } from '../lib/system.mjs';

/** As in a paced broadcast. */
const MICROSECONDS_PER_DELIVERY = 20;

export async function eventLoop(contender, { clients, count, bytes = 150, options = {} }) {
  return Session.with(contender, options, async (session) => {
    await session.connect(clients);
    const intervalMs = Math.max(10, (clients * MICROSECONDS_PER_DELIVERY) / 1000);
    const atRest = await watched(session, () => delay(count * intervalMs));
    const first = session.take(count);
    const during = await watched(session, async () => {
      const collecting = session.collect();
      await publish(session.server.port, contender.publishToken, { first, count, intervalMs, bytes });
      session.check(await collecting, count);
    });
    return {
      utilization: during.utilization,
      thread: during.thread,
      idleUtilization: atRest.utilization,
      idleThread: atRest.thread,
      seconds: during.seconds,
      perSecond: (clients * count) / during.seconds,
    };
  });
}

/** The activity of the loop's thread during `work`: as Node.js reports it, and in parts of one core as the system does. */
async function watched({ server }, work) {
  const [pid] = server.pids();
  await server.ask('watchUtilization');
  const [from, before] = [now(), mainThreadTime(pid)];
  await work();
  const [taken, passed] = [mainThreadTime(pid) - before, now() - from];
  return { utilization: await server.ask('utilization'), thread: taken / passed, seconds: passed / 1e9 };
}

/** Publishes from this process, one event every `intervalMs`. */
async function publish(port, token, { first, count, intervalMs, bytes }) {
  const make = maker(bytes);
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const from = performance.now();
  for (let number = 0; number < count; number += 1) {
    await delay(Math.max(0, from + number * intervalMs - performance.now()));
    const body = JSON.stringify({ broadcast: true, event: make(first + number) });
    const response = await fetch(`http://127.0.0.1:${port}/publish`, { method: 'POST', headers, body });
    if (!response.ok) throw new Error(`published nothing: ${response.status} ${await response.text()}`);
    await response.arrayBuffer();
  }
}
