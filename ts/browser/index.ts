/** `ssekit` in a browser. The exports exist so that a bundle links, and its page then shows what is wrong. */
import { serverModule } from './refuse.js';

const server = serverModule<{ SSEService: unknown }>('ssekit');

export const SSEService = server.SSEService;
