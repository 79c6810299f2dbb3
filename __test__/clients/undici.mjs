/** https://www.npmjs.com/package/undici: the EventSource of Node.js itself, with a parser of its own. */
import { EventSource } from 'undici';
import { openEventSource } from './event-target.mjs';

export const open = (options, onEvent) => openEventSource(EventSource, options, onEvent);
