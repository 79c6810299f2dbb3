/** `ssekit/next` in a browser. The exports exist so that a bundle links, and its page then shows what is wrong. */
import { refuse } from './refuse.js';

export const createSSERoute = undefined;
export const createTicketRoute = undefined;
export const cursor = undefined;
export const withSSE = undefined;

refuse('ssekit/next');
