/**
 * `ssekit/publish`: sends events over HTTP to a listener, from places where the addon does not run (edge functions, Deno, Bun,
 * another process). It needs `fetch`, and nothing of Node.js.
 */
export { PublishError } from './error.js';
export type { PublisherOptions, PublishFetch } from './options.js';
export type { Publication, PublishOptions, Receipt } from './publication.js';
export { createPublisher, type Publisher } from './publisher.js';
