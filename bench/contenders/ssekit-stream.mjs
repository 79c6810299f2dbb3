/** ssekit where Node keeps the sockets, as with TLS in Node or HTTP/2. */
import { serveSSEKit } from '../lib/ssekit.mjs';

export const title = 'ssekit, stream';
export const rank = 3;
export const ours = true;
export const resumes = true;

export const serve = (options) => serveSSEKit({ ...options, transport: 'stream' });
