/** `ssekit/next` in a browser. The exports exist so that a bundle links, and its page then shows what is wrong. */
import { serverModule } from './refuse.js';

const server = serverModule<Record<string, unknown>>('ssekit/next');

export const createInspectorRoute = server.createInspectorRoute;
export const createSSERoute = server.createSSERoute;
export const createTicketRoute = server.createTicketRoute;
export const cursor = server.cursor;
export const withSSE = server.withSSE;
