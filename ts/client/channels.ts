/** Changes of channels: loads what makes them, and lets them wait until it is there. */
import { backoff } from './backoff.js';
import { causedBy, type SSEClientError } from './error.js';
import type { Access } from './request.js';
import type { Subscriptions } from './subscriptions.js';
import { pause } from './timer.js';

/** `initial`: the channels in the URL of the stream. Those that the page leaves are removed. */
export function createChannels(
  initial: Set<string>,
  access: Access,
  lastEventId: () => string | undefined,
  signal: AbortSignal,
  report: (error: SSEClientError) => void,
): Subscriptions {
  const calls: ((loaded: Subscriptions) => void)[] = [];
  let loaded: Subscriptions | undefined;
  let stream: Parameters<Subscriptions['begin']> | undefined;

  const fail = (what: string, cause: unknown): void => report(causedBy('channel', what, cause));

  async function load(): Promise<void> {
    for (let failures = 0; !loaded && !signal.aborted; failures += 1) {
      try {
        const { createSubscriptions } = await import('./subscriptions.js');
        loaded = createSubscriptions(initial, access, lastEventId, fail);
        if (stream) loaded.begin(...stream);
        for (const call of calls) call(loaded);
      } catch (cause) {
        if (!failures) fail('Channels unchanged', cause);
        await pause(backoff(failures), signal);
      }
    }
  }

  function change(call: (loaded: Subscriptions) => void): void {
    if (loaded) call(loaded);
    else if (calls.push(call) === 1) void load();
  }

  return {
    subscribe: (channel, options) => change((loaded) => loaded.subscribe(channel, options)),
    unsubscribe(channel) {
      initial.delete(channel);
      change((loaded) => loaded.unsubscribe(channel));
    },
    begin(...args) {
      stream = args;
      loaded?.begin(...args);
    },
    end() {
      stream = undefined;
      loaded?.end();
    },
  };
}
