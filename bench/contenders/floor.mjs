/** The floor: one `send` per event and client, in Rust, and nothing else. See load/src/bin/floor.rs. */
import { startProgram } from '../lib/processes.mjs';

export const title = 'bare send loop (Rust): the floor';
export const rank = 0;

export const start = () => startProgram('floor');
