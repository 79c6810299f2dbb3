/** `ssekit` in a browser. The names are there so that a bundle links, and its page says what is wrong. */
import { refuse } from './refuse.js';

export const SSEService = undefined;

refuse('ssekit');
