'use client';

import { useEffect, useEffectEvent, useState } from 'react';
import { EVENT_TYPES, type StreamEvent } from '@/lib/stream-events';
import { streamUrl } from '@/lib/stream-url';

export interface Connection {
  state: 'connecting' | 'live' | 'reconnecting' | 'closed';
  clientId: string | null;
  reconnects: number;
}

/** The wait before the next request for a ticket. */
const TICKET_PAUSE_MS = 1_000;

/**
 * Keeps one `EventSource` open for as long as the component is mounted. The browser reconnects and resumes by itself. The query is for
 * this app's own route.
 */
export function useEventStream(
  listenerPort: number | null,
  onEvent: (event: StreamEvent) => void,
  query = '',
): Connection {
  const [connection, setConnection] = useState<Connection>({ state: 'connecting', clientId: null, reconnects: 0 });
  const deliver = useEffectEvent(onEvent);

  useEffect(() => {
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let [isMounted, connects, lastEventId] = [true, 0, ''];

    function receive({ type, data, lastEventId: id }: MessageEvent<string>) {
      lastEventId = id;
      const event = { type, data: JSON.parse(data), id, receivedAt: Date.now() } as StreamEvent;
      if (event.type === 'ssekit:ready') {
        setConnection({ state: 'live', clientId: event.data.clientId, reconnects: connects++ });
      }
      deliver(event);
    }

    const becomes = (state: Connection['state']) => setConnection((previous) => ({ ...previous, state }));

    async function open() {
      const url = await streamUrl(listenerPort, lastEventId, query).catch(() => undefined);
      if (!isMounted) return;
      if (url === undefined) return openLater();
      if (url === null) return becomes('closed');
      const opened = new EventSource(url);
      source = opened;
      for (const type of EVENT_TYPES) opened.addEventListener(type, receive);
      opened.onerror = () => {
        // After an answer that is no event stream, a 401 say, the browser gives up; otherwise it tries again. From ssekit's own
        // server that means that the ticket has expired.
        const isOver = opened.readyState === EventSource.CLOSED;
        if (isOver && listenerPort !== null) openLater();
        else becomes(isOver ? 'closed' : 'reconnecting');
      };
    }

    function openLater() {
      becomes('reconnecting');
      timer = setTimeout(open, TICKET_PAUSE_MS);
    }

    open();
    return () => {
      isMounted = false;
      clearTimeout(timer);
      source?.close();
    };
  }, [listenerPort, query]);

  return connection;
}
