/** The same server over HTTP/2, as browsers speak it: many streams on a connection. */
export { ours, publishToken, resumes, serve } from './ssekit-listener.mjs';

export const title = 'ssekit, listener, HTTP/2';
export const rank = 5;

/** Streams on a connection. A browser has a few at most; this is what a proxy in front of many browsers makes of them. */
export const streams = 100;
