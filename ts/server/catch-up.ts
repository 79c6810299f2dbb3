/** A page may come from another process, and be ahead of this process. */
import { native } from './binding.js';
import { lastEventIdOf, sinceOf } from './identity.js';

/**
 * The maximum number of requests that wait. A page usually waits for some milliseconds. A made-up id would wait for seconds, and
 * nobody has checked yet who sent the request. So if there are too many, the request that has waited longest goes on.
 */
const MOST_WAITING = 1_024;

/** The functions that let waiting requests go on, the oldest first. */
const waiting = new Set<() => void>();

/**
 * Resolves when this process knows what the request's client has seen, or after some seconds. Usually that is at once. Going
 * on too early does no harm, because the page then learns about a gap.
 */
export async function caughtUp(request: Request): Promise<void> {
  // HEAD gets no stream.
  if (request.method === 'HEAD') return;
  const { url, headers } = request;
  const seenId = lastEventIdOf({ url, lastEventId: headers.get('last-event-id') }) ?? sinceOf(url);
  if (native().isCaughtUp(seenId)) return;
  await new Promise<void>((resolve) => {
    const goOn = (): void => {
      waiting.delete(goOn);
      request.signal?.removeEventListener('abort', goOn);
      resolve();
    };
    waiting.add(goOn);
    request.signal?.addEventListener('abort', goOn, { once: true });
    native().catchUp(seenId, goOn);
    const [oldest] = waiting;
    if (waiting.size > MOST_WAITING) oldest?.();
  });
}

/** Resolves when this process has joined the history that it shares with others, or after some seconds. */
export async function joined(): Promise<void> {
  if (native().isCaughtUp()) return;
  await new Promise<void>((resolve) => native().catchUp(undefined, resolve));
}
