/** Puts a client together. */
import type { SSEEventMap } from '../../index';
import { createConnection } from './connection.js';
import { createKeyring } from './credentials.js';
import { createDispatcher, type Schemas } from './dispatcher.js';
import { createEmitter } from './emitter.js';
import { causedBy, type SSEClientError } from './error.js';
import type { ClientEvent, OwnEvents } from './events.js';
import type { Block } from './parser.js';
import { createRequests } from './request.js';
import { createSubscriptions } from './subscriptions.js';
import type { ClientStatus, SSEClient, SSEClientOptions } from './types.js';

/**
 * Opens a stream and keeps it open: `createClient<Events>({ url: '/api/sse' })`. It connects once the caller's code has run, so
 * handlers that are registered at once miss nothing.
 */
export function createClient<Events extends object = SSEEventMap>(
  options: SSEClientOptions<Events>,
): SSEClient<Events> {
  const {
    fetch = globalThis.fetch,
    since,
    channels = [],
    schemas = {},
    signal,
    heartbeatMs = 25_000,
    credentials = 'same-origin',
  } = options;
  const url = new URL(options.url, globalThis.location?.href).href;
  const initial = new Set(channels);
  const closing = new AbortController();
  const notices = createEmitter(console.error);
  let status: ClientStatus = { state: 'connecting' };
  let clientId = options.clientId ?? randomId();

  function report(error: SSEClientError): void {
    if (notices.of('error').size) notices.emit('error', error);
    else console.error(error);
  }

  const events = createEmitter((cause, name) => report(causedBy('handler', `Handler of ${name} failed`, cause)));
  const keyring = createKeyring(options.auth);
  const { stream, change } = createRequests(
    options.fetch ?? ((url, init) => fetch(url, init)),
    url,
    since,
    credentials,
    keyring,
  );
  const dispatcher = createDispatcher(events, notices, schemas as object as Schemas, closing.signal, report);
  const subscriptions = createSubscriptions(initial, change, () => connection.lastEventId(), report);
  const connection = createConnection(
    heartbeatMs,
    keyring,
    (lastEventId, signal) => stream(clientId, initial, lastEventId, signal),
    {
      error(error) {
        // The id belongs to another user.
        if (error.status === 409 && !options.clientId) clientId = randomId();
        report(error);
      },
      status(next) {
        status = next;
        if (next.state !== 'open') subscriptions.end();
        if (next.state === 'closed') closing.abort();
        notices.emit('status', next);
      },
      block(block: Block, since) {
        if (block.name === 'ssekit:ready') {
          const ready: OwnEvents['ssekit:ready'] = JSON.parse(block.data as string);
          clientId = ready.clientId;
          subscriptions.begin(clientId, ready.channels, since);
        }
        dispatcher.push(block);
      },
    },
  );

  const { close, open, online, pause, wake } = connection;
  const page = { pagehide: pause, pageshow: open, online, visibilitychange: wake };
  for (const [name, act] of Object.entries(page)) globalThis.addEventListener?.(name, act, { signal: closing.signal });

  signal?.addEventListener('abort', close, { signal: closing.signal });
  if (signal?.aborted) close();
  queueMicrotask(open);

  async function* iterate() {
    const queue: ClientEvent[] = [];
    let wakeUp = (): void => {};
    const off = events.on('*', (_, event) => {
      queue.push(event);
      wakeUp();
    });
    // Closing ends it.
    const offStatus = notices.on('status', () => wakeUp());
    try {
      while (queue.length || status.state !== 'closed') {
        if (queue[0]) yield queue.shift() as ClientEvent;
        else await new Promise<void>((resolve) => (wakeUp = resolve));
      }
    } finally {
      off();
      offStatus();
    }
  }

  return {
    on: events.on,
    onReset: (handler) => notices.on('reset', handler),
    onError: (handler) => notices.on('error', handler),
    onStatus: (handler) => notices.on('status', handler),
    subscribe: subscriptions.subscribe,
    unsubscribe: subscriptions.unsubscribe,
    get status() {
      return status;
    },
    get cursor() {
      return dispatcher.cursor() ?? since;
    },
    get clientId() {
      return clientId;
    },
    close,
    [Symbol.asyncIterator]: iterate,
  } as Partial<SSEClient<Events>> as SSEClient<Events>;
}

/** Not by `crypto`, which pages without TLS have only in part, and some runtimes not at all. An id is no secret. */
function randomId(): string {
  return Math.random().toString(36);
}
