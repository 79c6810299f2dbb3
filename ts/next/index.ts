/** `ssekit/next`: route handlers for the event stream, for tickets and for the inspector, and the settings for `next.config`. */

export { cursor } from './cursor.js';
export {
  createInspectorRoute,
  type InspectorGrant,
  type InspectorRoute,
  type InspectorRouteOptions,
} from './inspector-route.js';
export { createSSERoute, type Identity, type SSERoute, type SSERouteOptions } from './route.js';
export { createTicketRoute, type TicketIdentity, type TicketRouteOptions } from './ticket-route.js';
export { type SSENextConfig, withSSE } from './with-sse.js';
