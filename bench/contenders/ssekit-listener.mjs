/** ssekit's own HTTP server, over HTTP/1.1: no request passes through Node.js. */
import { createRequire } from 'node:module';
import { methodsOf } from '../lib/ssekit.mjs';

export const title = 'ssekit, listener';
export const rank = 4;
export const ours = true;
export const resumes = true;

/** Lets another process publish. */
export const publishToken = 'the-benchmark-publishes-with-this-token';

export async function serve(options) {
  const { SSEService } = createRequire(import.meta.url)('../../index.js');
  const sse = SSEService.configure(options);
  const { port } = await sse.listen({ anonymous: true, publish: { token: publishToken } });
  return { port, path: '/events', ...methodsOf(sse, 'listener') };
}
