/** The floor: one `send` per event and client, in Rust, and nothing else. See load/src/bin/floor.rs. */
import { startProgram } from '../lib/processes.mjs';

export const title = 'the floor: a bare send loop';
export const rank = 0;

export const start = () => startProgram('floor');
