'use client';

/** `ssekit/react`: one stream for all components, for React 18 and 19. */
export { type EventOptions, useChannel, useConnection, useEvent, useLatest } from './hooks.js';
export { SSEProvider, type SSEProviderProps } from './provider.js';
export {
  type LiveOptions,
  type Member,
  type PresenceOptions,
  type Snapshot,
  useLive,
  usePresence,
} from './use-live.js';
export { type RefreshOptions, useRefreshOn } from './use-refresh-on.js';
