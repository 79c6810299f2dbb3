/** Clients of `ssekit/client` whose clocks and dice belong to the test. */
import { createClient } from '../../ts/client/create-client';
import type { ClientEvent, SSEClient, SSEClientError, SSEClientOptions } from '../../ts/client/index';
import { stopStreamServers } from './stream-server';
import { until } from './until';

/** The app's events: any. */
// biome-ignore lint/complexity/noBannedTypes: no event is declared.
export type AnyEvents = {};

export interface Watched {
  client: SSEClient<AnyEvents>;
  /** The events that came in, except ssekit's own. */
  events: ClientEvent[];
  errors: SSEClientError[];
  /** The state after each change. */
  states: string[];
  /** Waits for a state. */
  is(state: SSEClient['status']['state']): Promise<void>;
  /** Waits until the data of the app's events is this. */
  got(...data: unknown[]): Promise<void>;
}

const open = new Set<SSEClient<AnyEvents>>();

/** Call it in `afterEach`: ends all clients and their servers, and gives clocks and dice back. */
export async function endPages(): Promise<void> {
  for (const client of open) client.close();
  open.clear();
  jest.useRealTimers();
  jest.restoreAllMocks();
  await stopStreamServers();
}

export function watch(options: SSEClientOptions<AnyEvents>): Watched {
  const client = createClient<AnyEvents>(options);
  open.add(client);
  const watched: Watched = {
    client,
    events: [],
    errors: [],
    states: [],
    is: async (state) => {
      await until(`${state}, not ${JSON.stringify(client.status)}`, () => client.status.state === state);
    },
    got: async (...data) => {
      const wanted = JSON.stringify(data);
      await until(wanted, () => JSON.stringify(watched.events.map((event) => event.data)) === wanted);
    },
  };
  client.on('*', (_, event) => {
    if (!event.event.startsWith('ssekit:')) watched.events.push(event);
  });
  client.onError((error) => watched.errors.push(error));
  client.onStatus(({ state }) => watched.states.push(state));
  return watched;
}

/**
 * Stops all clocks, and makes dice show this. Sockets and promises go on. Undone by `jest.useRealTimers()` and
 * `jest.restoreAllMocks()`.
 */
export function stopClocks(random = 0.5): void {
  jest.useFakeTimers({
    now: Date.UTC(2030, 0, 1),
    doNotFake: [
      'nextTick',
      'setImmediate',
      'clearImmediate',
      'setInterval',
      'clearInterval',
      'queueMicrotask',
      'hrtime',
    ],
  });
  jest.spyOn(Math, 'random').mockReturnValue(random);
}
