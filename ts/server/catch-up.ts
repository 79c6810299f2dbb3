/** A page may come from another process, and be ahead of what this one has heard. */
import { native } from './binding.js';
import { lastEventIdOf } from './identity.js';

/**
 * So many requests wait at most. A page waits for some milliseconds as a rule; an id that somebody has made up would wait for
 * seconds, and nobody has asked yet whose request it is. So the one that has waited longest goes on when there are too many.
 */
const MOST_WAITING = 1_024;

/** Those that wait, the oldest first, by what lets them go on. */
const waiting = new Set<() => void>();

/**
 * Resolves when this process knows what the request's client has seen, or after some seconds. As a rule that is at once. To go on
 * too early is no fault: the page is told of a gap.
 */
export async function caughtUp(request: Request): Promise<void> {
  // It gets no stream.
  if (request.method === 'HEAD') return;
  const lastEventId = lastEventIdOf({ url: request.url, lastEventId: request.headers.get('last-event-id') });
  if (native().isCaughtUp(lastEventId)) return;
  await new Promise<void>((resolve) => {
    const goOn = (): void => {
      waiting.delete(goOn);
      request.signal?.removeEventListener('abort', goOn);
      resolve();
    };
    waiting.add(goOn);
    request.signal?.addEventListener('abort', goOn, { once: true });
    native().catchUp(lastEventId, goOn);
    const [oldest] = waiting;
    if (waiting.size > MOST_WAITING) oldest?.();
  });
}
