/** The hooks in a page. */
import { useChannel, useConnection, useEvent, useLatest } from './hooks.js';
import { SSEProvider } from './provider.js';
import { useLive, usePresence } from './use-live.js';
import { useRefreshOn } from './use-refresh-on.js';

export const inPage = {
  SSEProvider,
  useChannel,
  useConnection,
  useEvent,
  useLatest,
  useLive,
  usePresence,
  useRefreshOn,
};
