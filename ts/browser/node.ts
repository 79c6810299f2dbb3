/** `ssekit/node` in a browser. The exports exist so that a bundle links, and its page then shows what is wrong. */
import { serverModule } from './refuse.js';

const server = serverModule<{ handleInspector: unknown; handleSSE: unknown }>('ssekit/node');

export const handleInspector = server.handleInspector;
export const handleSSE = server.handleSSE;
