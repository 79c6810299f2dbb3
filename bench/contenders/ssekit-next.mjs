/** ssekit in a Next.js route handler: the request passes through Next.js, then the socket is handed off. */
import { startNext } from '../lib/next.mjs';

export const title = 'ssekit, handoff from Next.js';
export const rank = 2;
export const ours = true;
export const resumes = true;
export const inNode = true;
export const app = 'next';
export const comesBack = true;
export const other = '/api/other';

export const start = (options) => startNext('ssekit', options);
