/** `ssekit/next`: the event stream as a route handler, and what Next.js has to be told. */
export { createSSERoute, type Identity, type SSERouteOptions } from './route.js';
export { createTicketRoute, type TicketIdentity, type TicketRouteOptions } from './ticket-route.js';
export { type SSENextConfig, withSSE } from './with-sse.js';
