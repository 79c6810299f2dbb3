/** https://www.npmjs.com/package/eventsource, version 2: over node:http, with a parser of its own. Still much used. */
import EventSource from 'eventsource2';
import { openEventSource } from './event-target.mjs';

export const open = (options, onEvent) => openEventSource(EventSource, options, onEvent);
