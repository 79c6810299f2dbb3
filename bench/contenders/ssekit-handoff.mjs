/** ssekit on plain node:http: sockets are handed off. */
import { serveSSEKit } from '../lib/ssekit.mjs';

export const title = 'ssekit, handoff';
export const rank = 1;
export const ours = true;
export const resumes = true;

export const serve = (options) => serveSSEKit(options);
