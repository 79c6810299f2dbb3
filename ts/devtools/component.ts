/** The component that gives a stream's events and states to a panel. */
import { useEffect, useRef } from 'react';
import { useConnection, useEvent } from '../react/index.js';
import { Panel } from './panel.js';

/**
 * Shows a button in a corner of the page, and behind it the events, states and resets of the stream of the `SSEProvider` around it. In
 * production, it is nothing.
 */
export function SSEDevtools(): null {
  const panel = useRef<Panel>(undefined);
  const status = useConnection();
  // Before the effects below, so that the panel is there for the first state and event.
  useEffect(() => {
    const own = new Panel();
    panel.current = own;
    return () => own.remove();
  }, []);
  useEffect(() => panel.current?.status(status), [status]);
  useEvent('*', (_, event) => panel.current?.event(event));
  return null;
}
