/** https://www.npmjs.com/package/eventsource, version 4: over fetch, with the parser eventsource-parser. */
import { EventSource } from 'eventsource';
import { openEventSource } from './event-target.mjs';

export const open = (options, onEvent) => openEventSource(EventSource, options, onEvent);
