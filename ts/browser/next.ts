/** `ssekit/next` in a browser. The names are there so that a bundle links, and its page says what is wrong. */
import { refuse } from './refuse.js';

export const createSSERoute = undefined;
export const createTicketRoute = undefined;
export const withSSE = undefined;

refuse('ssekit/next');
