/** What is measured. Each measure starts a server of its own, so that none finds what another has left. */
export { broadcast } from './broadcast.mjs';
export { call } from './call.mjs';
export { fairness } from './fairness.mjs';
export { idle } from './idle.mjs';
export { memoryPerClient } from './memory.mjs';
export { storm } from './storm.mjs';
export { throughput } from './throughput.mjs';
