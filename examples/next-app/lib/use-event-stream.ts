'use client';

import { useEffect, useEffectEvent, useState } from 'react';
import { EVENT_TYPES, type StreamEvent } from '@/lib/stream-events';

export interface Connection {
  state: 'connecting' | 'live' | 'reconnecting' | 'closed';
  clientId: string | null;
  reconnects: number;
}

/** Keeps one `EventSource` open for as long as the component is mounted. The browser reconnects and resumes by itself. */
export function useEventStream(url: string, onEvent: (event: StreamEvent) => void): Connection {
  const [connection, setConnection] = useState<Connection>({ state: 'connecting', clientId: null, reconnects: 0 });
  const deliver = useEffectEvent(onEvent);

  useEffect(() => {
    const source = new EventSource(url);
    let connects = 0;

    function receive({ type, data, lastEventId }: MessageEvent<string>) {
      const event = { type, data: JSON.parse(data), id: lastEventId, receivedAt: Date.now() } as StreamEvent;
      if (event.type === 'ssekit:ready') {
        setConnection({ state: 'live', clientId: event.data.clientId, reconnects: connects++ });
      }
      deliver(event);
    }

    for (const type of EVENT_TYPES) source.addEventListener(type, receive);

    source.onerror = () => {
      // After an answer that is no event stream, a 401 say, the browser gives up; otherwise it tries again.
      const state = source.readyState === EventSource.CLOSED ? 'closed' : 'reconnecting';
      setConnection((previous) => ({ ...previous, state }));
    };

    return () => source.close();
  }, [url]);

  return connection;
}
