/**
 * Finds out from outside whether Node.js has kept a stream's socket. Node's HTTP parser takes bytes after a request for the
 * next request, and breaks off the connection if they are not one. Native code ignores such bytes.
 */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

import { inTime } from '../http/in-time.js';
import { type HeaderFields, type OpenResponse, open } from '../http/open.js';
import type { Head } from './observation.js';

/** A socket is usually handed off at once, and within two seconds if at all. */
const SETTLING_MS = [100, 2100];

/** Node.js breaks off as soon as it reads. A server that does not break off within this time counts as native code. */
const ANSWER_MS = 500;

/** The time for a whole attempt, in case the stream does not begin. */
const TRY_MS = 10_000;

/** No request begins like this. */
const NO_REQUEST = '\0\r\n';

/** Whether the answer comes from Node.js itself. A proxy would answer in its place, and most proxies name themselves. */
export function isDirect(url: URL, { httpVersion, headers }: Head): boolean {
  return url.protocol === 'http:' && httpVersion === '1.1' && !headers.server && !headers.via;
}

/** Uses its own connections, because they may not survive it. */
export async function isCarriedByNode(url: URL, headers: HeaderFields): Promise<boolean> {
  try {
    for (const settlingMs of SETTLING_MS) {
      const isBrokenOff = await inTime(TRY_MS, undefined, async (signal) => {
        const response = await open(url, { headers, signal });
        return breaksOff(response, settlingMs).finally(response.close);
      });
      if (!isBrokenOff) return false;
    }
    return true;
  } catch {
    // This only serves to explain how a working stream is carried.
    return false;
  }
}

async function breaksOff({ body, socket }: OpenResponse, settlingMs: number): Promise<boolean> {
  if (!socket) return false;
  // Nobody carries a stream that ends without a byte.
  const hasBegun = await Promise.race([once(body, 'data'), once(body, 'close').then(() => false)]);
  if (!hasBegun) return false;
  body.on('error', () => {}).resume();
  await delay(settlingMs);
  if (socket.destroyed) return false;
  const closed = once(socket, 'close').then(() => true);
  socket.write(NO_REQUEST);
  return Promise.race([closed, delay(ANSWER_MS, false)]);
}
