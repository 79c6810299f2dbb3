/** A Next.js route handler with a `ReadableStream`. See next-app/app/api/stream/route.js. */
import { startNext } from '../lib/next.mjs';

export const title = 'Next.js ReadableStream';
export const rank = 20;
export const inNode = true;
export const app = 'next';
export const comesBack = true;
export const other = '/api/other';
export const pace = 60;

export const start = (options) => startNext('stream', options);
