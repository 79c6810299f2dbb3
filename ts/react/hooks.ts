/** The hooks for components. */
import { useEffect, useRef, useSyncExternalStore } from 'react';
import type { SSEEventMap } from '../../index';
import type { AnyEvent, ClientEvent, ClientStatus, EventData, EventName, OwnEvents } from '../client/index.js';
import { useStream } from './context.js';
import { EARLIEST } from './event-log.js';
import { useEvents } from './follow.js';
import { NO_CONNECTION } from './stream.js';

type Name = EventName<SSEEventMap> | keyof OwnEvents;

export interface EventOptions {
  /**
   * Events after this cursor that came before the component was mounted come first. `earliest`: all that the page still has of this
   * connection, at most 500. Default: the component gets new events only.
   */
  since?: string | undefined;
}

/** Calls the handler with each event of this name; `*` stands for all. The handler may be another function with each render. */
export function useEvent(
  name: '*',
  handler: (data: AnyEvent['data'], event: AnyEvent) => unknown,
  options?: EventOptions,
): void;
export function useEvent<N extends Name>(
  name: N,
  handler: (data: EventData<SSEEventMap, N>, event: ClientEvent<N, EventData<SSEEventMap, N>>) => unknown,
  options?: EventOptions,
): void;
export function useEvent(
  name: string,
  handler: (data: never, event: never) => unknown,
  { since }: EventOptions = {},
): void {
  useEvents(
    (event) => {
      if (name === '*' || event.event === name) handler(event.data as never, event as never);
    },
    // A later cursor would bring events again.
    useRef(since === 'earliest' ? EARLIEST : since).current,
  );
}

/** The data of the newest event of this name, or `initial` before there is one. */
export function useLatest<N extends Name, Initial>(name: N, initial: Initial): EventData<SSEEventMap, N> | Initial;
export function useLatest<N extends Name>(name: N): EventData<SSEEventMap, N> | undefined;
export function useLatest(name: string, initial?: unknown): unknown {
  const stream = useStream();
  const event = useSyncExternalStore(
    stream.watch,
    () => stream.latest(name),
    () => undefined,
  );
  return event ? event.data : initial;
}

/** The state of the connection, with the reason if there is none. */
export function useConnection(): ClientStatus {
  const stream = useStream();
  return useSyncExternalStore(
    stream.watch,
    () => stream.status,
    () => NO_CONNECTION,
  );
}

/** Adds a channel to the stream while mounted. With `since`, what came after that cursor comes first. */
export function useChannel(channel: string, { since }: { since?: string | undefined } = {}): void {
  const stream = useStream();
  useEffect(() => stream.join(channel, since), [stream, channel, since]);
}
