/** A page may come from another process, and be ahead of what this one has heard. */
import { native } from './binding.js';
import { lastEventIdOf } from './identity.js';

/** Resolves when this process knows what the request's client has seen, or after some seconds. As a rule that is at once. */
export async function caughtUp(request: Request): Promise<void> {
  const lastEventId = lastEventIdOf({ url: request.url, lastEventId: request.headers.get('last-event-id') });
  if (native().isCaughtUp(lastEventId)) return;
  await new Promise<void>((resolve) => native().catchUp(lastEventId, resolve));
}
