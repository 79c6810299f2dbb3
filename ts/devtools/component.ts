/** The component that gives a stream's events and states to a panel. */
import { useEffect, useRef, useState } from 'react';
import { useConnection, useEvent } from '../react/index.js';
import { Panel } from './panel.js';

/**
 * Shows a button in a corner of the page, and behind it the events, states and resets of the stream of the `SSEProvider` around it. In
 * production, it is nothing.
 */
export function SSEDevtools(): null {
  // One for all times that the component is mounted or shown again, as in StrictMode: it keeps what it has shown.
  const [panel] = useState(() => new Panel());
  const status = useConnection();
  useEffect(() => panel.mount(), [panel]);
  useEffect(() => panel.status(status), [panel, status]);
  // The stream may be older than this component, as when React hydrates it later than the provider. When its first events came, nobody
  // has noted.
  const isMounted = useRef(false);
  useEvent('*', (_, event) => panel.event(event, isMounted.current ? new Date() : undefined), { since: 'earliest' });
  useEffect(() => {
    isMounted.current = true;
    return () => {
      isMounted.current = false;
    };
  }, []);
  return null;
}
