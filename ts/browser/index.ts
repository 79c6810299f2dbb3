/** `ssekit` in a browser. The exports exist so that a bundle links, and its page then shows what is wrong. */
import { refuse } from './refuse.js';

export const SSEService = undefined;

refuse('ssekit');
