/** https://www.npmjs.com/package/eventsource-client: a callback for all events, over fetch. It reconnects by itself. */
import { createEventSource } from 'eventsource-client';

export function open({ url }, onEvent) {
  const onMessage = ({ event = 'message', data, id }) => onEvent({ name: event, data, id });
  const source = createEventSource({ url, onMessage });
  return () => source.close();
}
