/**
 * `ssekit/client`: the page's end of a stream. It needs `fetch` with bodies that stream, as browsers, Node.js, Deno and Bun have it, and
 * nothing else.
 */
export { createClient } from './create-client.js';
export { SSEClientError, type SSEClientErrorCode } from './error.js';
export type { AnyEvent, ClientEvent, EventData, EventName, OwnEvents, Reset } from './events.js';
export type { SchemaResult, StandardSchema } from './schema.js';
export type { ClientStatus, Credentials, SSEClient, SSEClientOptions } from './types.js';
