/** The measures. Each starts its own server, so that none inherits the state of another. */
import { broadcast } from './broadcast.mjs';
import { call } from './call.mjs';
import { channel } from './channel.mjs';
import { comeBack } from './come-back.mjs';
import { eventLoop } from './event-loop.mjs';
import { fairness } from './fairness.mjs';
import { growth } from './growth.mjs';
import { histories } from './histories.mjs';
import { idle } from './idle.mjs';
import { inspector } from './inspector.mjs';
import { memoryPerClient } from './memory.mjs';
import { otherRequests } from './other-requests.mjs';
import { restart } from './restart.mjs';
import { stall } from './stall.mjs';
import { storm } from './storm.mjs';
import { stormRatio } from './storm-ratio.mjs';
import { throughput } from './throughput.mjs';

/** By name. */
export const MEASURES = {
  broadcast,
  call,
  channel,
  comeBack,
  eventLoop,
  fairness,
  growth,
  histories,
  idle,
  inspector,
  memoryPerClient,
  otherRequests,
  restart,
  stall,
  storm,
  stormRatio,
  throughput,
};
