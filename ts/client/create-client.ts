/** Puts a client together. */
import type { SSEEventMap } from '../../index';
import { createChannels } from './channels.js';
import { Connection } from './connection.js';
import { createDispatcher, type Schemas } from './dispatcher.js';
import { createEmitter } from './emitter.js';
import { causedBy, type SSEClientError } from './error.js';
import type { OwnEvents } from './events.js';
import { iterate } from './iterate.js';
import { followPage } from './page.js';
import type { Block } from './parser.js';
import { createAccess, requestStream } from './request.js';
import type { ClientStatus, SSEClient, SSEClientOptions } from './types.js';

/**
 * Opens a stream and keeps it open: `createClient<Events>({ url: '/api/sse' })`. It connects once the caller's code has run, so
 * handlers that are registered at once miss nothing.
 */
export function createClient<Events extends object = SSEEventMap>(
  options: SSEClientOptions<Events>,
): SSEClient<Events> {
  const { channels = [], heartbeatMs = 25_000, schemas = {}, since } = options;
  const access = createAccess(options);
  const initial = new Set(channels);
  const closing = new AbortController();
  const notices = createEmitter(console.error);
  let status: ClientStatus = { state: 'connecting' };
  let clientId = options.clientId ?? randomId();

  const report = (error: SSEClientError): void => {
    if (!notices.emit('error', error)) console.error(error);
  };
  const events = createEmitter((cause, name) => report(causedBy('handler', `Handler of ${name} failed`, cause)));
  const dispatcher = createDispatcher(events, notices, schemas as object as Schemas, closing.signal, report);
  const subscriptions = createChannels(initial, access, () => connection.lastEventId, closing.signal, report);
  const connection = new Connection(
    heartbeatMs,
    access.keyring,
    (lastEventId, signal) => requestStream(access, clientId, initial, since, lastEventId, signal),
    {
      error: report,
      status(next) {
        status = next;
        // The id belongs to another user.
        if (next.httpStatus === 409) clientId = options.clientId ?? randomId();
        if (next.state !== 'open') subscriptions.end();
        if (next.state === 'closed') closing.abort();
        notices.emit('status', next);
      },
      block(block: Block, since) {
        if (block.name === 'ssekit:ready') {
          const ready: OwnEvents['ssekit:ready'] = JSON.parse(block.data as string);
          clientId = ready.clientId;
          connection.heartbeats(ready.heartbeatMs ?? heartbeatMs);
          subscriptions.begin(clientId, ready.channels, since);
        }
        dispatcher.push(block);
      },
    },
  );
  followPage(connection, options.signal, closing.signal);
  queueMicrotask(connection.open);

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
    close: connection.close,
    [Symbol.asyncIterator]: () => iterate(events, closing.signal, report),
  } as Partial<SSEClient<Events>> as SSEClient<Events>;
}

/** Not by `crypto`, which pages without TLS have only in part, and some runtimes not at all. An id is no secret. */
function randomId(): string {
  return `${Math.random()}`;
}
