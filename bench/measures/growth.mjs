/**
 * Paced broadcasts, and what their events cost when they go to nobody: that the process is woken for one, makes it and sends
 * it. That is paid once per event, so with few clients it is a large part of what a delivery seems to cost.
 */
import { Session } from '../lib/session.mjs';
import { broadcast, cadenceFor } from './broadcast.mjs';

export async function growth(contender, how) {
  return { ...(await broadcast(contender, how)), processorPerEvent: await toNobody(contender, how) };
}

async function toNobody(contender, how) {
  return Session.with(contender, {}, async (session) => {
    const { processor } = await session.broadcast(cadenceFor(contender, how));
    return processor / how.count / 1e3;
  });
}
