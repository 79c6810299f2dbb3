'use client';

/** `ssekit/react`: one stream for all components, for React 18 and 19. */
import { inPage } from './page.js';
import { onServer } from './server.js';

export type { EventOptions } from './hooks.js';
export type { SSEProviderProps } from './provider.js';
export type { LiveOptions, Member, PresenceOptions, Snapshot } from './use-live.js';
export type { RefreshOptions } from './use-refresh-on.js';

export const { SSEProvider, useChannel, useConnection, useEvent, useLatest, useLive, usePresence, useRefreshOn } =
  typeof window === 'undefined' ? onServer : inPage;
