/** ssekit in a Next.js route handler with early resume: pages that come back do not pass through Next.js. */
import { startNext } from '../lib/next.mjs';

export const title = 'ssekit, early resume in Next.js';
export const rank = 3;
export const inNode = true;
export const app = 'next';
/** It differs from the other one only in how pages come back. */
export const comesBack = 'only';
export const other = '/api/other';

export const start = (options) => startNext('resume', options);
