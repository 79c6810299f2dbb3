/** Puts a client together. */
import type { SSEEventMap } from '../../index';
import { createChannels } from './channels.js';
import { createConnection } from './connection.js';
import { createKeyring } from './credentials.js';
import { createDispatcher, EVENTS, OVERFLOW, overflown, type Schemas } from './dispatcher.js';
import { createEmitter } from './emitter.js';
import { causedBy, type SSEClientError } from './error.js';
import type { ClientEvent, OwnEvents } from './events.js';
import type { Block } from './parser.js';
import { type Access, requestStream } from './request.js';
import type { ClientStatus, SSEClient, SSEClientOptions } from './types.js';

/**
 * Opens a stream and keeps it open: `createClient<Events>({ url: '/api/sse' })`. It connects once the caller's code has run, so
 * handlers that are registered at once miss nothing.
 */
export function createClient<Events extends object = SSEEventMap>(
  options: SSEClientOptions<Events>,
): SSEClient<Events> {
  const {
    fetch = (url, init) => globalThis.fetch(url, init),
    since,
    channels = [],
    schemas = {},
    signal,
    heartbeatMs: usualMs = 25_000,
    credentials = 'same-origin',
  } = options;
  const url = resolve(options.url);
  const initial = new Set(channels);
  const closing = new AbortController();
  const notices = createEmitter(console.error);
  let heartbeatMs = usualMs;
  let status: ClientStatus = { state: 'connecting' };
  let clientId = options.clientId ?? randomId();

  function report(error: SSEClientError): void {
    if (notices.of('error').size) notices.emit('error', error);
    else console.error(error);
  }

  const events = createEmitter((cause, name) => report(causedBy('handler', `Handler of ${name} failed`, cause)));
  const keyring = createKeyring(options.auth);
  const access: Access = { fetch, url, credentials, keyring };
  const dispatcher = createDispatcher(events, notices, schemas as object as Schemas, closing.signal, report);
  const subscriptions = createChannels(initial, access, () => connection.lastEventId(), closing.signal, report);
  const connection = createConnection(
    () => heartbeatMs,
    keyring,
    (lastEventId, signal) => requestStream(access, clientId, initial, since, lastEventId, signal),
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
          heartbeatMs = ready.heartbeatMs ?? usualMs;
          wake();
          subscriptions.begin(clientId, ready.channels, since);
        }
        dispatcher.push(block);
      },
    },
  );

  const { close, open, online, pause, wake } = connection;
  const page = { pagehide: pause, freeze: pause, pageshow: open, resume: open, online, visibilitychange: wake };
  // On their way down, because `freeze` and `resume` of a document do not come up to its window.
  const listening = { signal: closing.signal, capture: true };
  for (const [name, act] of Object.entries(page)) globalThis.addEventListener?.(name, act, listening);

  signal?.addEventListener('abort', close, listening);
  if (signal?.aborted) close();
  queueMicrotask(open);

  async function* iterate() {
    let queue: ClientEvent[] = [];
    let wakeUp = (): void => {};
    const off = events.on('*', (_, event: ClientEvent) => {
      if (queue.push(event) > EVENTS) {
        report(overflown());
        queue = [{ event: 'ssekit:reset', data: OVERFLOW, id: event.id }];
      }
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

function resolve(url: string | URL): string {
  try {
    return new URL(url, globalThis.location?.href).href;
  } catch {
    throw new TypeError(`url: ${url} is no whole URL, and there is no page`);
  }
}

/** Not by `crypto`, which pages without TLS have only in part, and some runtimes not at all. An id is no secret. */
function randomId(): string {
  return Math.random().toString(36);
}
